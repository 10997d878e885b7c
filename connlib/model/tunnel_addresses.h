#pragma once

#include "connlib/base/ip.h"

namespace connlib {

// TunnelAddresses are the two addresses of one device inside the tunnel.
struct TunnelAddresses {
  Ipv4Address ipv4;
  Ipv6Address ipv6;

  constexpr bool contains(const IpAddress& address) const {
    return address == IpAddress(ipv4) || address == IpAddress(ipv6);
  }
  constexpr IpAddress of(IpFamily family) const {
    return family == IpFamily::kV4 ? IpAddress(ipv4) : IpAddress(ipv6);
  }
  friend constexpr bool operator==(const TunnelAddresses&, const TunnelAddresses&) = default;
};

}  // namespace connlib
