#include "connlib/flow/flow_tracker.h"

#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::flow {
namespace {

using namespace connlib::testing;

const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);
const SocketAddress kClient = endpoint("100.64.0.7:50000");
const SocketAddress kServer = endpoint("10.1.2.3:443");
const SocketAddress kOurSocket = endpoint("192.0.2.1:52625");
const SocketAddress kPeerSocket = endpoint("203.0.113.7:40000");

constexpr uint8_t kFin = 0x11;  // With ACK, as always.
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kSynAck = 0x12;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kAck = 0x10;

struct World {
  Timestamp now = kStart;
  FlowTracker tracker{kStart, kDate};
  Attribution attribution = tracker.attribute(SecretText("token"));
  std::optional<SocketAddress> outer_source = kOurSocket;
  SocketAddress outer_destination = kPeerSocket;
  std::string domain{};

  World() { tracker.enable(0); }

  void see(Direction direction, Bytes bytes) {
    auto parsed = IpPacket::parse(bytes);
    const auto packet = sight(std::get<IpPacket>(parsed));
    tracker.handle_packet(now, {attribution, direction, *packet, outer_source, outer_destination},
                          [this] { return domain; });
  }
  void out(uint8_t flags, size_t bytes = 0) {
    see(Direction::kToResponder, tcp_packet(kClient, kServer, {.flags = flags}, Bytes(bytes)));
  }
  void back(uint8_t flags, size_t bytes = 0) {
    see(Direction::kToInitiator, tcp_packet(kServer, kClient, {.flags = flags}, Bytes(bytes)));
  }
  void datagram_out(size_t bytes = 0) {
    see(Direction::kToResponder, udp_packet(kClient, kServer, Bytes(bytes)));
  }
  void handshake() {
    out(kSyn);
    back(kSynAck);
    out(kAck);
  }

  std::vector<FlowRecord> records() {
    std::vector<FlowRecord> out;
    while (auto batch = tracker.poll_batch()) {
      CHECK(batch->token == SecretText("token"));
      for (FlowRecord& record : batch->records) out.push_back(std::move(record));
    }
    return out;
  }
  // How many opened, and how those ended that did.
  std::pair<size_t, std::vector<FlowEnd>> story() {
    size_t opened = 0;
    std::vector<FlowEnd> ends;
    for (const FlowRecord& record : records()) {
      if (!record.end) ++opened;
      if (record.end) ends.push_back(*record.end);
    }
    return {opened, ends};
  }
};

TEST_CASE_METHOD(World, "a connection has one record when it opens and one when it has ended") {
  domain = "git.example.com";
  handshake();
  now += 1s;
  out(kAck, 100);
  back(kAck, 1200);
  back(kAck, 800);
  now += 1s;
  back(kFin);
  now += 500ms;
  out(kFin, 7);

  FlowRecord expected{.protocol = Protocol::Kind::kTcp,
                      .initiator = kClient,
                      .responder = kServer,
                      .domain = "git.example.com",
                      .outers = {{kOurSocket, kPeerSocket, kDate}},
                      .start = kDate};
  const auto got = records();
  REQUIRE(got.size() == 2);
  CHECK(got[0] == expected);
  expected.end = FlowEnd{.at = kDate + absl::Milliseconds(2500),
                         .last_packet = kDate + absl::Milliseconds(2500),
                         .rx_packets = 4,
                         .tx_packets = 4,
                         .rx_bytes = 2000,
                         .tx_bytes = 107};
  CHECK(got[1] == expected);
  CHECK(tracker.size() == 0);

  out(kAck);  // The last acknowledgement, and a FIN again.
  back(kFin);
  CHECK(records().empty());
}

TEST_CASE_METHOD(World, "what goes to the initiator is received, whoever sends first") {
  see(Direction::kToInitiator, udp_packet(kServer, kClient, Bytes(9)));
  datagram_out(4);
  tracker.end_all(now);
  const auto got = records();
  REQUIRE(got.size() == 2);
  CHECK(got[1].initiator == kClient);
  CHECK(got[1].responder == kServer);
  CHECK(got[1].end->rx_bytes == 9);
  CHECK(got[1].end->tx_bytes == 4);
}

TEST_CASE_METHOD(World, "without a token nothing is ever recorded") {
  attribution = tracker.attribute(SecretText());
  handshake();
  datagram_out(10);
  CHECK(tracker.size() == 0);
  CHECK(records().empty());
  CHECK(tracker.poll_timeout().at.is_never());
}

TEST_CASE("nothing is recorded before somebody wants records") {
  FlowTracker tracker(kStart, kDate);
  const Attribution attribution = tracker.attribute(SecretText("token"));
  Bytes bytes = udp_packet(kClient, kServer);
  auto parsed = IpPacket::parse(bytes);
  const auto packet = sight(std::get<IpPacket>(parsed));
  const auto see = [&](Timestamp now) {
    tracker.handle_packet(now,
                          {attribution, Direction::kToResponder, *packet, kOurSocket, kPeerSocket},
                          [] { return std::string(); });
  };
  see(kStart);
  CHECK_FALSE(tracker.has_batch());
  tracker.enable(1);
  see(kStart + 1s);
  CHECK(tracker.poll_batch()->records.size() == 1);
  SECTION("and flows end when nobody wants them any more") {
    tracker.disable(kStart + 2s);
    CHECK(tracker.poll_batch()->records[0].end.has_value());
    see(kStart + 3s);
    CHECK_FALSE(tracker.has_batch());
  }
}

TEST_CASE_METHOD(World, "FIN, RST and bare acknowledgements of an unknown connection are no flow") {
  const auto flags = GENERATE(uint8_t{kFin}, uint8_t{kRst}, uint8_t{kAck});
  out(flags);
  back(flags);
  CHECK(tracker.size() == 0);
  CHECK(records().empty());
}

TEST_CASE_METHOD(World, "data of a connection that is older than its records opens a flow") {
  back(kAck, 10);
  CHECK(tracker.size() == 1);
}

TEST_CASE_METHOD(World, "a SYN after other packets begins another flow") {
  handshake();
  out(kAck, 10);
  now += 3s;
  out(kSyn);
  const auto [opened, ends] = story();
  CHECK(opened == 2);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].tx_packets == 3);
  CHECK(ends[0].tx_bytes == 10);
  CHECK(ends[0].last_packet == kDate);
  CHECK(ends[0].at == kDate + absl::Seconds(3));
}

TEST_CASE_METHOD(World, "a SYN that is sent again begins no other flow, nor does its answer") {
  out(kSyn);
  out(kSyn);
  back(kSynAck);
  out(kSyn);
  back(kSynAck);
  out(kAck);
  back(kSynAck);  // Ours was lost beyond us.
  const auto [opened, ends] = story();
  CHECK(opened == 1);
  CHECK(ends.empty());
}

TEST_CASE_METHOD(World, "a flow ends by RST of either end") {
  const bool is_ours = GENERATE(true, false);
  handshake();
  is_ours ? out(kRst) : back(kRst);
  const auto [opened, ends] = story();
  CHECK(opened == 1);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].tx_packets + ends[0].rx_packets == 4);
}

TEST_CASE_METHOD(World, "one FIN does not end a flow: the other half goes on") {
  handshake();
  out(kFin);
  out(kFin);
  back(kAck, 1000);
  CHECK(tracker.size() == 1);
  back(kFin);
  CHECK(tracker.size() == 0);
}

TEST_CASE_METHOD(World, "a flow ends after two idle minutes, by its own deadline") {
  datagram_out();
  now += 100s;
  datagram_out();
  CHECK(records().size() == 1);
  const Timestamp end = now + kIdleClose;
  tracker.handle_timeout(now);
  while (tracker.size() > 0) {
    const Timestamp next = tracker.poll_timeout().at;
    REQUIRE(next > now);
    REQUIRE(next <= end + 1s);
    now = next;
    tracker.handle_timeout(now);
  }
  CHECK(now >= end);
  const auto got = records();
  REQUIRE(got.size() == 1);
  CHECK(got[0].end->last_packet == kDate + absl::Seconds(100));
  CHECK(got[0].end->at == kDate + absl::Seconds(220));
  CHECK(tracker.poll_timeout().at.is_never());
}

TEST_CASE_METHOD(World,
                 "a packet after two idle minutes is of another flow, also when time is late") {
  datagram_out(1);
  now += kIdleClose;
  datagram_out(2);
  const auto [opened, ends] = story();
  CHECK(opened == 2);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].tx_bytes == 1);
  CHECK(ends[0].at == kDate + absl::Minutes(2));
}

TEST_CASE_METHOD(World, "shutting down ends every flow") {
  for (uint16_t port = 1; port <= 10; ++port) {
    see(Direction::kToResponder, udp_packet({kClient.ip, port}, kServer));
  }
  tracker.end_all(now);
  const auto [opened, ends] = story();
  CHECK(opened == 10);
  CHECK(ends.size() == 10);
  CHECK(tracker.size() == 0);
}

TEST_CASE_METHOD(World,
                 "a flow lists the paths it took, each when it came, and splits at sixteen") {
  for (uint16_t i = 0; i < kMaxOuterPaths; ++i) {
    outer_destination.port = static_cast<uint16_t>(1000 + i);
    datagram_out();
    datagram_out();
    now += 1s;
  }
  CHECK(records().size() == 1);
  outer_destination.port = 2000;
  datagram_out();
  const auto got = records();
  REQUIRE(got.size() == 2);
  REQUIRE(got[0].end.has_value());
  CHECK(got[0].end->tx_packets == 2 * kMaxOuterPaths);
  REQUIRE(got[0].outers.size() == kMaxOuterPaths);
  CHECK(got[0].outers[15].destination.port == 1015);
  CHECK(got[0].outers[15].activated_at == kDate + absl::Seconds(15));
  REQUIRE(got[1].outers.size() == 1);
  CHECK(got[1].outers[0].destination.port == 2000);
}

TEST_CASE_METHOD(World, "a path back to an earlier address is listed again") {
  datagram_out();
  outer_destination = endpoint("198.51.100.1:3478");
  outer_source.reset();  // By a relay.
  datagram_out();
  outer_destination = kPeerSocket;
  outer_source = kOurSocket;
  datagram_out();
  tracker.end_all(now);
  const auto got = records();
  REQUIRE(got.back().outers.size() == 3);
  CHECK_FALSE(got.back().outers[1].source.has_value());
}

TEST_CASE_METHOD(World, "what a relay hides of our socket makes no other path") {
  outer_source.reset();
  datagram_out();
  outer_source = kOurSocket;  // As datagrams from the relay arrive.
  datagram_out();
  tracker.end_all(now);
  CHECK(records().back().outers.size() == 1);
}

TEST_CASE_METHOD(World, "an authorization that is renewed has flows of its own") {
  datagram_out(1);
  attribution = tracker.attribute(SecretText("another"));
  datagram_out(2);
  tracker.end_all(now);
  std::map<std::string, uint64_t> bytes;
  while (const auto batch = tracker.poll_batch()) {
    REQUIRE(batch->records.size() == 2);
    bytes[std::string(batch->token.reveal())] = batch->records[1].end->tx_bytes;
  }
  CHECK(bytes == std::map<std::string, uint64_t>{{"token", 1}, {"another", 2}});
}

TEST_CASE("at the limit an older flow ends, and no packet goes unrecorded") {
  FlowTracker tracker(kStart, kDate, {.flows = 8, .queued_records = 10'000});
  tracker.enable(0);
  const Attribution attribution = tracker.attribute(SecretText("token"));
  Timestamp now = kStart;
  for (uint16_t port = 1; port <= 100; ++port) {
    Bytes bytes = udp_packet({kClient.ip, port}, kServer);
    auto parsed = IpPacket::parse(bytes);
    const auto packet = sight(std::get<IpPacket>(parsed));
    tracker.handle_packet(now,
                          {attribution, Direction::kToResponder, *packet, kOurSocket, kPeerSocket},
                          [] { return std::string(); });
    now += 2s;
    REQUIRE(tracker.size() <= 8);
  }
  CHECK(tracker.evictions() == 92);
  tracker.end_all(now);
  uint64_t packets = 0;
  while (const auto batch = tracker.poll_batch()) {
    for (const FlowRecord& record : batch->records) {
      if (record.end) packets += record.end->tx_packets;
    }
  }
  CHECK(packets == 100);
}

// The slow model: whatever happens, each packet that may be recorded is in exactly one record of
// its ends, and there are as many ends as beginnings.
TEST_CASE("records of random traffic add up to it") {
  const auto seed = GENERATE(range(uint64_t{1}, uint64_t{9}));
  CAPTURE(seed);
  SeededRandom random(seed);
  FlowTracker tracker(kStart, kDate, {.flows = 20, .queued_records = 100'000});
  tracker.enable(7);
  std::vector<Attribution> scopes;
  for (const char* token : {"a", "b", ""}) scopes.push_back(tracker.attribute(SecretText(token)));
  std::map<std::string, uint64_t> sent;
  std::map<std::string, bool> is_open;  // By token and ports.
  Timestamp now = kStart;
  for (int i = 0; i < 20'000; ++i) {
    const Attribution& scope = scopes[random.below(3)];
    const auto port = static_cast<uint16_t>(1 + random.below(12));
    const size_t bytes = random.below(100);
    Bytes packet = udp_packet({kClient.ip, port}, kServer, Bytes(bytes));
    auto parsed = IpPacket::parse(packet);
    const auto sighting = sight(std::get<IpPacket>(parsed));
    tracker.handle_packet(now,
                          {scope, Direction::kToResponder, *sighting, std::nullopt, kPeerSocket},
                          [] { return std::string(); });
    if (scope.has_token()) sent[std::string(scope.token.reveal())] += bytes;
    if (random.below(50) == 0) now += std::chrono::seconds(random.below(200));
    if (random.below(5) == 0) tracker.handle_timeout(now);
  }
  tracker.end_all(now);
  std::map<std::string, uint64_t> recorded;
  while (const auto batch = tracker.poll_batch()) {
    REQUIRE(batch->records.size() <= 7);
    const std::string token(batch->token.reveal());
    for (const FlowRecord& record : batch->records) {
      bool& open = is_open[token + std::to_string(record.initiator.port)];
      CHECK(open == record.end.has_value());
      open = !record.end.has_value();
      if (record.end) recorded[token] += record.end->tx_bytes;
    }
  }
  CHECK(recorded == sent);
  CHECK(tracker.outbox().lost() == 0);
  CHECK(tracker.outbox().token_count() == 0);
}

}  // namespace
}  // namespace connlib::flow
