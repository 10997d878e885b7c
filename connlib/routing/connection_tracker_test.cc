#include "connlib/routing/connection_tracker.h"

#include <variant>

#include <catch2/catch.hpp>

#include "connlib/packet/icmp_error.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::routing {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;
using testing::kStart;

FlowKey flow(Protocol local, Protocol peer) {
  return {local, peer, address("100.64.0.1"), address("100.64.0.2")};
}
FlowKey tcp(uint16_t local, uint16_t peer) {
  return flow(Protocol::tcp(local), Protocol::tcp(peer));
}
FlowKey udp(uint16_t local, uint16_t peer) {
  return flow(Protocol::udp(local), Protocol::udp(peer));
}

IpPacket view(Bytes& bytes) { return std::get<IpPacket>(IpPacket::parse(bytes)); }

}  // namespace

TEST_CASE("a flow has the same key in both directions and in the errors about it") {
  Bytes there = testing::tcp_packet(endpoint("100.64.0.1:4000"), endpoint("100.64.0.2:22"));
  Bytes back = testing::tcp_packet(endpoint("100.64.0.2:22"), endpoint("100.64.0.1:4000"));
  CHECK(flow_from_us(view(there)) == tcp(4000, 22));
  CHECK(flow_from_peer(view(back)) == tcp(4000, 22));

  Bytes out(IpPacket::kMaxBytes);
  for (const Bytes* failed : {&there, &back}) {
    Bytes copy = *failed;
    Bytes error(IpPacket::kMaxBytes);
    const auto written =
        answer_with_icmp_error(IcmpError::prohibited(IpFamily::kV4), view(copy), error);
    error.resize(written.size());
    IpPacket packet = view(error);
    CHECK_FALSE(flow_from_us(packet).has_value());
    const auto message = parse_icmp_error(packet);
    REQUIRE(message.has_value());
    const bool is_ours = failed == &there;
    CHECK((is_ours ? flow_from_us(message->quoted) : flow_from_peer(message->quoted)) ==
          tcp(4000, 22));
  }
}

TEST_CASE("what we opened the peer may answer, and nothing else") {
  ConnectionTracker tracker(kStart);
  tracker.note_ours(tcp(4000, 22), kStart);
  CHECK(tracker.note_return(tcp(4000, 22), kStart + 1s));
  CHECK_FALSE(tracker.note_return(tcp(4001, 22), kStart + 1s));
  CHECK_FALSE(tracker.note_return(udp(4000, 22), kStart + 1s));
  CHECK_FALSE(tracker.note_reply(tcp(4000, 22), kStart + 1s));
}

TEST_CASE("a reply to the peer's flow never becomes an exemption of our own") {
  ConnectionTracker tracker(kStart);
  tracker.note_peers(tcp(22, 4000), kStart);
  CHECK(tracker.note_reply(tcp(22, 4000), kStart + 1s));
  CHECK_FALSE(tracker.note_return(tcp(22, 4000), kStart + 2s));
  CHECK_FALSE(tracker.is_ours(tcp(22, 4000), kStart + 2s));
  CHECK(tracker.is_peers(tcp(22, 4000), kStart + 2s));
}

TEST_CASE("a flow lives as long as its protocol allows since the last packet either way") {
  struct Row {
    const char* what;
    FlowKey flow;
    Duration lifetime;
  };
  const auto row = GENERATE(values<Row>({
      {"TCP", tcp(4000, 22), 2h + 4min},
      {"UDP", udp(4000, 53), 2min},
      {"ICMP", flow(Protocol::icmp_echo(7), Protocol::icmp_echo(7)), 2min},
  }));
  CAPTURE(row.what);
  ConnectionTracker tracker(kStart);
  tracker.note_ours(row.flow, kStart);
  tracker.handle_timeout(kStart + row.lifetime - 1s);
  REQUIRE(tracker.note_return(row.flow, kStart + row.lifetime - 1s));
  const Timestamp end = kStart + 2 * row.lifetime - 1s;
  CHECK(tracker.is_ours(row.flow, end - 1ms));
  // Exactly, even though nobody has called handle_timeout() yet.
  CHECK_FALSE(tracker.is_ours(row.flow, end));
  CHECK_FALSE(tracker.note_return(row.flow, end));
}

TEST_CASE("an ICMP error does not extend the flow that it quotes") {
  ConnectionTracker tracker(kStart);
  tracker.note_ours(udp(1, 2), kStart);
  CHECK(tracker.is_ours(udp(1, 2), kStart + 119s));
  CHECK_FALSE(tracker.is_ours(udp(1, 2), kStart + 120s));
}

TEST_CASE("expired flows leave at the deadlines that the tracker asked for") {
  ConnectionTracker tracker(kStart);
  CHECK(tracker.poll_timeout().at.is_never());
  tracker.note_ours(udp(1, 2), kStart);
  tracker.note_peers(tcp(3, 4), kStart);
  int wakeups = 0;
  while (!tracker.poll_timeout().at.is_never()) {
    const Timestamp at = tracker.poll_timeout().at;
    tracker.handle_timeout(at);
    CHECK(tracker.poll_timeout().at > at);
    REQUIRE(++wakeups < 20);
  }
  CHECK(tracker.size() == 0);
}

TEST_CASE("a peer that floods us loses its own datagram flows first, and none of ours") {
  ConnectionTracker tracker(kStart, 100);
  tracker.note_ours(udp(9, 9), kStart);
  tracker.note_peers(tcp(22, 4000), kStart);
  for (uint16_t port = 0; port < 5000; ++port) {
    tracker.note_peers(udp(port, 1), kStart + Duration(1ms) * int64_t{port});
  }
  const Timestamp now = kStart + 5s;
  CHECK(tracker.size() == 101);
  CHECK(tracker.evictions() == 4901);
  CHECK(tracker.is_ours(udp(9, 9), now));
  CHECK(tracker.is_peers(tcp(22, 4000), now));
  CHECK(tracker.is_peers(udp(4999, 1), now));
}

}  // namespace connlib::routing
