// Stories about relayed data.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::snownet::relay::testing {
namespace {

struct Path {
  Path(const SocketAddress& client_address, const SocketAddress& peer_address)
      : client(client_address), peer(peer_address), alice(relay, client_address) {
    port = relayed_port(*alice.allocate_dual());
    REQUIRE(alice.bind(0x4001, peer)->code() == 0);
  }
  SocketAddress client;
  SocketAddress peer;
  TestRelay relay;
  TestClient alice;
  uint16_t port = 0;
};

std::vector<uint8_t> bytes(size_t size, uint8_t first = 0) {
  std::vector<uint8_t> out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(first + i);
  return out;
}

using Payloads = std::vector<std::vector<uint8_t>>;

Payloads payloads(const ToPeer& answer) {
  Payloads out;
  for_each_payload(answer, [&](auto payload) { out.emplace_back(payload.begin(), payload.end()); });
  return out;
}

void append_frame(std::vector<uint8_t>& run, uint16_t channel, std::span<const uint8_t> payload) {
  std::array<uint8_t, 4> header{};
  stun::write_channel_data_header(header, stun::ChannelNumber(channel), payload.size());
  run.insert(run.end(), header.begin(), header.end());
  run.insert(run.end(), payload.begin(), payload.end());
}

TEST_CASE("data passes both ways in all four mixes of families") {
  const SocketAddress client = GENERATE(as<SocketAddress>{}, kAlice, at("[2606:4700::9]:999"));
  const SocketAddress peer = GENERATE(as<SocketAddress>{}, kPeer, kPeer6);
  CAPTURE(to_text(client), to_text(peer));
  Path path(client, peer);
  const auto out = path.relay.to_peer(client, 0x4001, bytes(1280));
  REQUIRE(out.has_value());
  CHECK(out->port == path.port);
  CHECK(out->peer == peer);
  CHECK(payloads(*out) == Payloads{bytes(1280)});
  const auto back = path.relay.to_client(path.port, peer, bytes(1280));
  REQUIRE(back.has_value());
  CHECK(back->client == client);
  CHECK(back->channel == stun::ChannelNumber(0x4001));
}

TEST_CASE("payloads may be empty, and as long as a datagram can be") {
  const size_t size = GENERATE(as<size_t>{}, 0, 1, 1500, 65503);
  Path path(kAlice, kPeer);
  const auto out = path.relay.to_peer(kAlice, 0x4001, bytes(size));
  REQUIRE(out.has_value());
  CHECK(payloads(*out) == Payloads{bytes(size)});
  CHECK(path.relay.to_client(path.port, kPeer, bytes(size)).has_value());
  CHECK(path.relay.server.counters().to_peers.packets == 1);
  CHECK(path.relay.server.counters().to_clients.bytes == size);
}

TEST_CASE("what leaves no room for the channel's header is dropped, over IPv4 and IPv6") {
  struct Row {
    const char* client;
    size_t fits;
  };
  const Row row = GENERATE(values<Row>({{"198.41.0.4:1", 65503}, {"[2606:4700::9]:1", 65523}}));
  Path path(at(row.client), kPeer6);
  CHECK(path.relay.to_client(path.port, kPeer6, bytes(row.fits)).has_value());
  CHECK_FALSE(path.relay.to_client(path.port, kPeer6, bytes(row.fits + 1)).has_value());
  CHECK(path.relay.server.counters().of(Drop::kTooLong) == 1);
}

TEST_CASE("an IPv6 client's payload that no IPv4 datagram can carry is dropped") {
  Path path(at("[2606:4700::9]:1"), kPeer);
  CHECK(path.relay.to_peer(path.client, 0x4001, bytes(65507)).has_value());
  CHECK_FALSE(path.relay.to_peer(path.client, 0x4001, bytes(65508)).has_value());
}

TEST_CASE("bytes behind the declared length are padding, and a short frame is dropped") {
  Path path(kAlice, kPeer);
  std::vector<uint8_t> frame;
  append_frame(frame, 0x4001, bytes(5));
  frame.insert(frame.end(), 3, 0xee);
  const auto answer = path.relay.server.handle_client_run(path.relay.now, kAlice, frame, 0);
  CHECK(answer.datagrams == 1);
  CHECK(payloads(std::get<ToPeer>(answer.outcome)) == Payloads{bytes(5)});

  frame.resize(8);  // One byte fewer than declared.
  const auto short_frame = path.relay.server.handle_client_run(path.relay.now, kAlice, frame, 0);
  CHECK(std::get<Drop>(short_frame.outcome) == Drop::kBadChannelData);
}

TEST_CASE("a run of equal frames on one channel is one answer, nothing copied") {
  Path path(kAlice, kPeer);
  std::vector<uint8_t> run;
  for (uint8_t i = 0; i < 5; ++i) append_frame(run, 0x4001, bytes(i < 4 ? 1200 : 700, i));
  const auto answer = path.relay.server.handle_client_run(path.relay.now, kAlice, run, 1204);
  CHECK(answer.datagrams == 5);
  const auto& forwarded = std::get<ToPeer>(answer.outcome);
  CHECK(forwarded.frames.data() == run.data());
  CHECK(forwarded.frames.size() == run.size());
  CHECK(payloads(forwarded) ==
        Payloads{bytes(1200, 0), bytes(1200, 1), bytes(1200, 2), bytes(1200, 3), bytes(700, 4)});
  CHECK(path.relay.server.counters().to_peers.packets == 5);
  CHECK(path.relay.server.counters().payload_sizes[11] == 4);
  CHECK(path.relay.server.counters().payload_sizes[6] == 1);
}

TEST_CASE("a run that mixes channels, requests and noise is answered piece by piece") {
  Path path(kAlice, kPeer);
  REQUIRE(path.alice.bind(0x4002, kPeer6)->code() == 0);
  std::vector<uint8_t> run;
  append_frame(run, 0x4001, bytes(16, 1));
  append_frame(run, 0x4001, bytes(16, 2));
  append_frame(run, 0x4002, bytes(16, 3));
  std::vector<uint8_t> binding(20);
  stun::MessageBuilder(binding, {stun::Method::kBinding, stun::MessageClass::kRequest}, {});
  run.insert(run.end(), binding.begin(), binding.end());
  run.insert(run.end(), 20, 0xff);
  append_frame(run, 0x4003, bytes(16));     // Not bound.
  append_frame(run, 0x4001, bytes(13, 4));  // Padded to the segment.
  run.insert(run.end(), 3, 0);
  append_frame(run, 0x4001, bytes(16, 5));
  append_frame(run, 0x4001, bytes(8, 6));

  std::vector<std::string> story;
  std::span<const uint8_t> rest(run);
  while (!rest.empty()) {
    const auto answer = path.relay.server.handle_client_run(path.relay.now, kAlice, rest, 20);
    if (const auto* out = std::get_if<ToPeer>(&answer.outcome)) {
      story.push_back((out->peer == kPeer ? "v4 x" : "v6 x") +
                      std::to_string(payloads(*out).size()));
      CHECK(payloads(*out).size() == answer.datagrams);
    } else if (const auto* drop = std::get_if<Drop>(&answer.outcome)) {
      story.emplace_back(name(*drop));
    } else {
      story.emplace_back("request");
    }
    rest = rest.subspan(std::min(rest.size(), answer.datagrams * 20));
  }
  CHECK(story == std::vector<std::string>{"v4 x2", "v6 x1", "request", "not_ours",
                                          "unknown_channel", "v4 x1", "v4 x2"});
  CHECK(path.relay.drain()->code() == 0);
}

TEST_CASE("a peer's run is one answer, for as many datagrams as it has") {
  Path path(kAlice, kPeer);
  const auto answer =
      path.relay.server.handle_peer_run(path.relay.now, path.port, kPeer, bytes(3000), 1280);
  CHECK(std::get<ToClient>(answer).client == kAlice);
  CHECK(path.relay.server.counters().to_clients.packets == 3);
  CHECK(path.relay.server.counters().to_clients.bytes == 3000);
  CHECK(path.relay.server.counters().payload_sizes[12] == 2);
  CHECK(path.relay.server.counters().payload_sizes[4] == 1);
}

TEST_CASE("data refreshes neither the channel nor the allocation") {
  Path path(kAlice, kPeer);
  for (int i = 0; i < 599; ++i) {
    path.relay.advance(1s);
    REQUIRE(path.relay.to_peer(kAlice, 0x4001, bytes(10)).has_value());
    REQUIRE(path.relay.to_client(path.port, kPeer, bytes(10)).has_value());
  }
  path.relay.advance(1s);
  CHECK_FALSE(path.relay.to_peer(kAlice, 0x4001, bytes(10)).has_value());
  CHECK(path.relay.server.allocation_count() == 0);
}

TEST_CASE("both ends may have chosen this relay, and meet on their relayed addresses") {
  TestRelay relay;
  TestClient alice(relay, kAlice, "alice");
  TestClient bob(relay, kBob, "bob");
  const SocketAddress of_alice{IpAddress(kPublic4), relayed_port(*alice.allocate())};
  const SocketAddress of_bob{IpAddress(kPublic4), relayed_port(*bob.allocate())};
  REQUIRE(alice.bind(0x4000, of_bob)->code() == 0);
  REQUIRE(bob.bind(0x4fff, of_alice)->code() == 0);
  const auto out = relay.to_peer(kAlice, 0x4000, bytes(100));
  REQUIRE(out->peer == of_bob);
  const auto arrived = relay.to_client(out->peer.port, {of_alice.ip, out->port}, bytes(100));
  REQUIRE(arrived.has_value());
  CHECK(arrived->client == kBob);
  CHECK(arrived->channel == stun::ChannelNumber(0x4fff));
}

TEST_CASE(
    "an allocation with a bandwidth limit gets its burst and its rate, others all they want") {
  ServerOptions options = dual_stack();
  options.limits.bits_per_second_per_allocation = 8'000'000;  // 1 MB/s
  TestRelay relay(options);
  TestClient alice(relay, kAlice, "alice");
  REQUIRE(alice.allocate()->code() == 0);
  REQUIRE(alice.bind(0x4000, kPeer)->code() == 0);
  size_t passed = 0;
  for (int i = 0; i < 10000; ++i) {  // 10 MB within a second.
    relay.now += 100us;
    if (relay.to_peer(kAlice, 0x4000, bytes(996)).has_value()) passed += 1000;
  }
  CHECK(passed > 1'200'000);
  CHECK(passed < 1'300'000);
  CHECK(relay.server.counters().of(Drop::kRateLimit) == 10000 - passed / 1000);
  TestClient bob(relay, kBob, "bob");
  REQUIRE(bob.allocate()->code() == 0);
  REQUIRE(bob.bind(0x4000, kPeer)->code() == 0);
  CHECK(relay.to_peer(kBob, 0x4000, bytes(996)).has_value());
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
