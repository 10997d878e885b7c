#include "connlib/packet/ip_header.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib {
namespace {

using testing::address;
using testing::Bytes;

Bytes packet_with(uint8_t traffic_class, IpFamily family) {
  const bool v4 = family == IpFamily::kV4;
  return testing::ip_packet(address(v4 ? "10.0.0.1" : "fd00::1"),
                            address(v4 ? "10.0.0.2" : "fd00::2"), 253, {},
                            {.traffic_class = traffic_class, .hop_limit = 9});
}

TEST_CASE("addresses, ECN and hop limit are read from either family") {
  const Bytes v4 = packet_with(2, IpFamily::kV4);
  CHECK(to_text(IpHeader(v4).source()) == "10.0.0.1");
  CHECK(to_text(IpHeader(v4).destination()) == "10.0.0.2");
  CHECK(IpHeader(v4).ecn() == Ecn::kEct0);
  CHECK(int{IpHeader(v4).hop_limit()} == 9);

  const Bytes v6 = packet_with(1, IpFamily::kV6);
  CHECK(to_text(IpHeader(v6).source()) == "fd00::1");
  CHECK(to_text(IpHeader(v6).destination()) == "fd00::2");
  CHECK(IpHeader(v6).ecn() == Ecn::kEct1);
  CHECK(int{IpHeader(v6).hop_limit()} == 9);
}

TEST_CASE("a packet's own length is read, and anything that is none has length zero") {
  const auto [what, bytes, length] = GENERATE(table<const char*, Bytes, size_t>({
      {"nothing", {}, 0},
      {"v4 without payload", packet_with(0, IpFamily::kV4), 20},
      {"v6 without payload", packet_with(0, IpFamily::kV6), 40},
      {"version 5", Bytes(40, 0x50), 0},
      {"v4 that ends within its header", Bytes(19, 0x45), 0},
      {"v6 that ends within its header", Bytes(39, 0x60), 0},
      {"v4 that claims more than there is", Bytes(20, 0x45), 0x4545},
      {"v6 that claims more than there is", Bytes(40, 0x60), 40 + 0x6060},
  }));
  CAPTURE(what);
  CHECK(total_length(bytes) == length);

  Bytes short_claim = packet_with(0, IpFamily::kV4);
  short_claim[3] = 19;
  CHECK(total_length(short_claim) == 0);
}

TEST_CASE("congestion is marked only on packets that speak ECN, and never cleared") {
  const auto family = GENERATE(IpFamily::kV4, IpFamily::kV6);
  const unsigned ecn = GENERATE(0u, 1u, 2u, 3u);
  const unsigned dscp = GENERATE(0u, 0x2eu, 0x3fu);
  CAPTURE(ecn, dscp);
  Bytes packet = packet_with(static_cast<uint8_t>(dscp << 2 | ecn), family);
  mark_congestion(packet);
  // The checksum is that of a packet which was built like this.
  CHECK(packet == packet_with(static_cast<uint8_t>(dscp << 2 | (ecn == 0 ? 0u : 3u)), family));
}

}  // namespace
}  // namespace connlib
