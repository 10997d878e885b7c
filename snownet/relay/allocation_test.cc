// Counts every operator new: a program of its own.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::snownet::relay::testing {
namespace {

constexpr size_t kSegments = 4;
constexpr size_t kPayloadBytes = 1280;

SocketAddress at_port(const SocketAddress& address, uint16_t port) { return {address.ip, port}; }

std::vector<uint8_t> run_of_frames(uint16_t channel) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i < kSegments; ++i) {
    std::array<uint8_t, 4> header{};
    stun::write_channel_data_header(header, stun::ChannelNumber(channel), kPayloadBytes);
    out.insert(out.end(), header.begin(), header.end());
    out.resize(out.size() + kPayloadBytes, static_cast<uint8_t>(i));
  }
  return out;
}

// No Catch inside the counted part: it allocates.
TEST_CASE("relaying, dropping and asking for the deadline allocate nothing") {
  const uint64_t before_setup = bench::allocations();
  TestRelay relay;
  TestClient alice(relay, kAlice);
  const uint16_t port = relayed_port(*alice.allocate_dual());
  REQUIRE(alice.bind(0x4001, kPeer)->code() == 0);
  REQUIRE(alice.bind(0x4002, kPeer6)->code() == 0);
  REQUIRE(bench::allocations() > before_setup);  // The counter counts.
  const auto to_v4 = run_of_frames(0x4001);
  const auto to_v6 = run_of_frames(0x4002);
  const auto unbound = run_of_frames(0x4003);
  const std::vector<uint8_t> from_peer(kSegments * kPayloadBytes, 7);
  const std::vector<uint8_t> noise(100, 0xff);
  Server& server = relay.server;
  const auto forwards = [&](std::span<const uint8_t> run, const SocketAddress& peer) {
    const auto answer = server.handle_client_run(relay.now, kAlice, run, kPayloadBytes + 4);
    const auto* out = std::get_if<ToPeer>(&answer.outcome);
    size_t bytes = 0;
    if (out != nullptr) for_each_payload(*out, [&](auto payload) { bytes += payload.size(); });
    return out != nullptr && out->peer == peer && bytes == kSegments * kPayloadBytes;
  };
  const auto drops = [&](const SocketAddress& client, std::span<const uint8_t> run) {
    const auto answer = server.handle_client_run(relay.now, client, run, kPayloadBytes + 4);
    return std::holds_alternative<Drop>(answer.outcome);
  };
  const auto returns = [&](const SocketAddress& peer) {
    const auto answer = server.handle_peer_run(relay.now, port, peer, from_peer, kPayloadBytes);
    return std::holds_alternative<ToClient>(answer);
  };

  const uint64_t before = bench::allocations();
  size_t wrong = 0;
  for (int i = 0; i < 100; ++i) {
    relay.now += 1ms;
    wrong += forwards(to_v4, kPeer) ? 0U : 1U;
    wrong += forwards(to_v6, kPeer6) ? 0U : 1U;
    wrong += returns(kPeer) && returns(kPeer6) ? 0U : 1U;
    wrong += drops(kAlice, unbound) && drops(kBob, to_v4) && drops(kAlice, noise) ? 0U : 1U;
    wrong += returns(at_port(kPeer, 9)) ? 1U : 0U;  // Not from the bound port.
    wrong += server.poll_timeout().at.is_never() ? 1U : 0U;
    server.handle_timeout(relay.now);
  }
  const uint64_t allocated = bench::allocations() - before;
  CHECK(allocated == 0);
  CHECK(wrong == 0);
}

// What a client costs is bounded by what it holds. Generous: the figure is there to catch a buffer
// that somebody puts into every allocation or channel.
TEST_CASE("a thousand clients with ten channels each stay findable, and small") {
  constexpr uint32_t kClients = 1000;
  constexpr uint16_t kChannels = 10;
  constexpr int64_t kMaxBytesPerClient = 8 << 10;
  TestRelay relay;
  const auto client_address = [](uint32_t i) {
    return SocketAddress{Ipv4Address{{198, 41, static_cast<uint8_t>(i / 100), 4}},
                         static_cast<uint16_t>(40000 + i)};
  };
  const auto peer_of = [](uint32_t i, uint16_t c) {
    return c % 2 == 0 ? at_port(kPeer, static_cast<uint16_t>(1000 + i + c))
                      : at_port(kPeer6, static_cast<uint16_t>(1000 + i + c));
  };
  std::vector<uint16_t> ports;
  std::vector<TestClient> clients;
  clients.reserve(kClients);
  ports.reserve(kClients);
  for (uint32_t i = 0; i < kClients; ++i) {
    clients.emplace_back(relay, client_address(i), std::to_string(i));
  }
  const int64_t before = bench::live_bytes();
  for (uint32_t i = 0; i < kClients; ++i) {
    const auto reply = clients[i].allocate_dual();
    REQUIRE(reply->code() == 0);
    ports.push_back(relayed_port(*reply));
    for (uint16_t c = 0; c < kChannels; ++c) {
      REQUIRE(clients[i].bind(static_cast<uint16_t>(0x4000 + c), peer_of(i, c))->code() == 0);
    }
  }
  const int64_t per_client = (bench::live_bytes() - before) / kClients;
  CAPTURE(per_client);
  CHECK(per_client > 0);
  CHECK(per_client < kMaxBytesPerClient);
  REQUIRE(relay.server.is_consistent());
  REQUIRE(relay.server.allocation_count() == kClients);
  REQUIRE(relay.server.channel_count() == kClients * kChannels);

  // Every other one leaves; the rest notice nothing.
  for (uint32_t i = 0; i < kClients; i += 2) REQUIRE(clients[i].refresh(0)->code() == 0);
  REQUIRE(relay.server.is_consistent());
  size_t wrong = 0;
  const std::vector<uint8_t> payload(8);
  for (uint32_t i = 0; i < kClients; ++i) {
    for (uint16_t c = 0; c < kChannels; ++c) {
      const auto out = relay.to_peer(client_address(i), static_cast<uint16_t>(0x4000 + c), payload);
      const auto back = relay.to_client(ports[i], peer_of(i, c), payload);
      const bool stays = i % 2 == 1;
      wrong += out.has_value() == stays && back.has_value() == stays ? 0U : 1U;
      if (!out || !back) continue;
      wrong += out->port == ports[i] && out->peer == peer_of(i, c) &&
                       back->client == client_address(i) && back->channel.value() == 0x4000 + c
                   ? 0U
                   : 1U;
    }
  }
  CHECK(wrong == 0);

  relay.advance(901s);  // Allocations end after 600 s, and with them their channels.
  CHECK(relay.server.is_consistent());
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.bindings.empty());
  CHECK(relay.ports.empty());
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
