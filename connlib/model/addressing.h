#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "connlib/base/ip.h"

namespace connlib {

// AddressRange is a network of each family with one meaning inside the tunnel (spec tunnel 1).
// Asking whether it contains an address is arithmetic on the address alone, no lookup.
class AddressRange {
 public:
  constexpr AddressRange(Ipv4Address v4, uint8_t v4_length, Ipv6Address v6, uint8_t v6_length)
      : v4_(v4), v6_(v6), v4_length_(v4_length), v6_length_(v6_length) {}

  constexpr bool contains(const IpAddress& address) const {
    if (const Ipv4Address* v4 = address.v4()) return shares_bits(v4->bytes, v4_.bytes, v4_length_);
    return shares_bits(address.v6()->bytes, v6_.bytes, v6_length_);
  }

  IpPrefix prefix(IpFamily family) const {
    const auto out =
        family == IpFamily::kV4 ? IpPrefix::of(v4_, v4_length_) : IpPrefix::of(v6_, v6_length_);
    return out.value_or(IpPrefix());
  }

 private:
  template <size_t N>
  static constexpr bool shares_bits(const std::array<uint8_t, N>& a,
                                    const std::array<uint8_t, N>& b, uint8_t length) {
    const size_t whole = length / 8;
    for (size_t i = 0; i < whole; ++i) {
      if (a[i] != b[i]) return false;
    }
    return length % 8 == 0 || (a[whole] ^ b[whole]) >> (8 - length % 8) == 0;
  }

  Ipv4Address v4_;
  Ipv6Address v6_;
  uint8_t v4_length_;
  uint8_t v6_length_;
};

// Tunnel addresses of clients and gateways: 100.64.0.0/11 and fd00:2021:1111::/107.
inline constexpr AddressRange kPeerRange{Ipv4Address{{100, 64, 0, 0}}, 11,
                                         Ipv6Address{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}}, 107};

// Stand-ins for the addresses of DNS resources, which mean something to one client only:
// 100.96.0.0/11 and fd00:2021:1111:8000::/107.
inline constexpr AddressRange kProxyRange{
    Ipv4Address{{100, 96, 0, 0}}, 11, Ipv6Address{{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0x80, 0}}, 107};

// Addresses of a client's stub resolver: 100.100.111.0/24 (inside the range of proxies) and
// fd00:2021:1111:8000:100:100:111:0/120 (beside it).
inline constexpr AddressRange kSentinelRange{
    Ipv4Address{{100, 100, 111, 0}}, 24,
    Ipv6Address{{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0x80, 0, 1, 0, 1, 0, 1, 0x11, 0, 0}}, 120};

inline constexpr uint16_t kDnsPort = 53;
inline constexpr uint16_t kGatewayDnsPort = 53535;  // On a gateway's tunnel addresses.

}  // namespace connlib
