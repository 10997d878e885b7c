#include "connlib/control/control_packet.h"

#include <variant>

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::control {
namespace {

using testing::address;
using testing::Bytes;

Bytes goodbye() {
  const auto packet = goodbye_packet();
  return {packet.begin(), packet.end()};
}

}  // namespace

TEST_CASE("a control packet is a valid IP packet, so that it travels like any other") {
  Bytes packet = goodbye();
  CHECK(std::holds_alternative<IpPacket>(IpPacket::parse(packet)));
  CHECK(is_control_traffic(packet));
}

TEST_CASE(
    "only packets from nowhere to nowhere with the reserved next header are control traffic") {
  const Bytes upper(8);
  CHECK_FALSE(is_control_traffic(testing::ip_packet(address("::1"), address("::"), 0xff, upper)));
  CHECK_FALSE(is_control_traffic(testing::ip_packet(address("::"), address("::1"), 0xff, upper)));
  CHECK_FALSE(is_control_traffic(testing::ip_packet(address("::"), address("::"), 0xfe, upper)));
  CHECK_FALSE(
      is_control_traffic(testing::ip_packet(address("0.0.0.0"), address("0.0.0.0"), 0xff, upper)));
  CHECK_FALSE(is_control_traffic({}));
  const Bytes whole = goodbye();
  CHECK_FALSE(is_control_traffic(std::span(whole).first(39)));
}

TEST_CASE("a control packet that lies about its length is control traffic, but not parsed") {
  Bytes packet = goodbye();
  packet.push_back(0);
  CHECK(is_control_traffic(packet));
  CHECK_FALSE(parse_control_packet(packet).has_value());
  packet.resize(47);
  CHECK_FALSE(parse_control_packet(packet).has_value());
  packet[5] = 7;  // Says 47, but has no room for the type and its reserved bytes.
  CHECK(is_control_traffic(packet));
  CHECK_FALSE(parse_control_packet(packet).has_value());
}

TEST_CASE("control packets end at the inner MTU") {
  Bytes out(2000);
  CHECK(write_control_packet(0, Bytes(kMaxControlPayloadBytes), out).size() == IpPacket::kMaxBytes);
  CHECK(write_control_packet(0, Bytes(kMaxControlPayloadBytes + 1), out).empty());
  CHECK(write_control_packet(0, Bytes(10), std::span(out).first(57)).empty());
  Bytes packet = goodbye();
  packet.resize(1281);
  packet[4] = 1241 >> 8;
  packet[5] = 1241 & 0xff;
  CHECK_FALSE(parse_control_packet(packet).has_value());
}

TEST_CASE("the payload of a control packet borrows from the packet") {
  Bytes out(100);
  const Bytes payload{1, 2, 3};
  const auto packet = write_control_packet(9, payload, out);
  const auto parsed = parse_control_packet(packet);
  REQUIRE(parsed.has_value());
  CHECK(parsed->type == 9);
  CHECK(parsed->payload.data() == out.data() + 48);
  CHECK(Bytes(parsed->payload.begin(), parsed->payload.end()) == payload);
}

}  // namespace connlib::control
