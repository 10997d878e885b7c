#pragma once

#include <string>
#include <utility>
#include <vector>

#include "connlib/model/resource.h"
#include "tests/support/packets.h"
#include "tests/tunnel/setting.h"

// What the stories of this folder have in common.
namespace connlib::tunnel {

inline Resource resource(const char* id, ResourceAddress address, std::vector<Filter> filters = {},
                         const char* site = "site0") {
  return {.id = ResourceId(id),
          .name = id,
          .address = std::move(address),
          .sites = {{SiteId(site), site}},
          .filters = std::move(filters)};
}
inline Resource cidr(const char* id, const char* network, std::vector<Filter> filters = {},
                     const char* site = "site0") {
  return resource(id, CidrAddress{IpPrefix::parse(network).value()}, std::move(filters), site);
}

// From and to the client's application.
inline Bytes to(const char* destination, uint8_t number = 1) {
  return testing::udp_packet(testing::endpoint("100.64.0.7:40000"), testing::endpoint(destination),
                             {number});
}
inline Bytes from(const char* source, uint8_t number = 1) {
  return testing::udp_packet(testing::endpoint(source), testing::endpoint("100.64.0.7:40000"),
                             {number});
}

// The ICMP type and code of a packet, 0 and 0 if it is none.
inline std::pair<int, int> icmp_of(const Bytes& packet) {
  if (packet.size() < 28 || packet[0] != 0x45 || packet[9] != 1) return {0, 0};
  return {packet[20], packet[21]};
}
inline constexpr std::pair<int, int> kProhibited{3, 13};

}  // namespace connlib::tunnel
