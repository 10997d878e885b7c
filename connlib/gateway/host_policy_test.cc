#include "connlib/gateway/host_policy.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::testing;

constexpr const char* kClient4 = "100.64.0.7:40000";
constexpr const char* kClient6 = "[fd00:2021:1111::7]:40000";

Bytes router_solicitation() {
  return ip_packet(address("fd00:2021:1111::7"), address("fd00:2021:1111::9"), kProtocolIcmpv6,
                   {133, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a gateway's own addresses answer DNS and ping, and nothing else of the host") {
  auto [what, bytes, expected] = GENERATE(table<const char*, Bytes, bool>({
      {"DNS over UDP", udp_packet(endpoint(kClient4), endpoint("100.64.0.9:53535")), true},
      {"DNS over TCP", tcp_packet(endpoint(kClient4), endpoint("100.64.0.9:53535")), true},
      {"DNS over IPv6", udp_packet(endpoint(kClient6), endpoint("[fd00:2021:1111::9]:53535")),
       true},
      {"the usual port of DNS", udp_packet(endpoint(kClient4), endpoint("100.64.0.9:53")), false},
      {"ssh", tcp_packet(endpoint(kClient4), endpoint("100.64.0.9:22")), false},
      {"from the DNS port to another",
       udp_packet(endpoint("100.64.0.7:53535"), endpoint("100.64.0.9:161")), false},
      {"ping", echo_packet(address("100.64.0.7"), address("100.64.0.9")), true},
      {"ping over IPv6", echo_packet(address("fd00:2021:1111::7"), address("fd00:2021:1111::9")),
       true},
      {"an echo reply to nothing",
       echo_packet(address("100.64.0.7"), address("100.64.0.9"), {.is_reply = true}), false},
      {"neighbour discovery", router_solicitation(), false},
      {"GRE", ip_packet(address("100.64.0.7"), address("100.64.0.9"), 47, Bytes(8)), false},
  }));
  CAPTURE(what);
  const auto packet = IpPacket::parse(bytes);
  REQUIRE(std::holds_alternative<IpPacket>(packet));
  CHECK(admits_to_host(std::get<IpPacket>(packet)) == expected);
}

}  // namespace
}  // namespace connlib::gateway
