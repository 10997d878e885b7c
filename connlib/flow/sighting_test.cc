#include "connlib/flow/sighting.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::flow {
namespace {

using namespace connlib::testing;

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;

std::optional<Sighting> seen(Bytes bytes) {
  auto parsed = IpPacket::parse(bytes);
  return sight(std::get<IpPacket>(parsed));
}

TEST_CASE("bytes are those behind the TCP or UDP header, whatever lies before it") {
  const auto a = endpoint("[fd00::1]:1000");
  const auto b = endpoint("[fd00::2]:53");
  const IpFields routed{.extensions = {{.type = 60, .bytes = Bytes(8)}}};
  CHECK(seen(udp_packet(a, b, Bytes(77), routed))->payload_bytes == 77);
  CHECK(seen(tcp_packet(a, b, {.options = Bytes(12, 1)}, Bytes(77)))->payload_bytes == 77);
  CHECK(seen(tcp_packet(a, b))->payload_bytes == 0);
}

TEST_CASE("a sighting has the ends of the packet and the signs of its TCP header") {
  const auto a = endpoint("10.0.0.1:1000");
  const auto b = endpoint("10.0.0.2:443");
  const auto tcp = seen(tcp_packet(a, b, {.flags = kSyn | kAck}));
  REQUIRE(tcp.has_value());
  CHECK(tcp->protocol == Protocol::Kind::kTcp);
  CHECK(tcp->source == a);
  CHECK(tcp->destination == b);
  CHECK((tcp->has_syn && tcp->has_ack && !tcp->has_fin && !tcp->has_rst));
  CHECK(seen(tcp_packet(a, b, {.flags = kFin}))->has_fin);
  CHECK(seen(tcp_packet(a, b, {.flags = kRst}))->has_rst);
  CHECK(seen(udp_packet(a, b))->protocol == Protocol::Kind::kUdp);
}

TEST_CASE("there are no records of pings and of other protocols") {
  CHECK_FALSE(seen(echo_packet(address("10.0.0.1"), address("10.0.0.2"))).has_value());
  CHECK_FALSE(seen(ip_packet(address("10.0.0.1"), address("10.0.0.2"), 47, Bytes(8))).has_value());
}

TEST_CASE("FIN, RST and a bare acknowledgement never open a flow") {
  const auto [what, flags, bytes, may_open] = GENERATE(table<const char*, uint8_t, size_t, bool>({
      {"SYN", kSyn, 0, true},
      {"SYN with data, as of RFC 7413", kSyn, 10, true},
      {"SYN, ACK", kSyn | kAck, 0, true},
      {"data", kPsh | kAck, 1, true},
      {"bare ACK", kAck, 0, false},
      {"FIN", kFin | kAck, 0, false},
      {"data with FIN", kFin | kPsh | kAck, 10, false},
      {"RST", kRst, 0, false},
      {"RST with text, as of RFC 9293", kRst | kAck, 10, false},
  }));
  CAPTURE(what);
  const auto packet = tcp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:443"),
                                 {.flags = flags}, Bytes(bytes));
  CHECK(seen(packet)->may_open() == may_open);
}

}  // namespace
}  // namespace connlib::flow
