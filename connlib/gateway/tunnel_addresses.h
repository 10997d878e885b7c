#pragma once

#include "connlib/base/ip.h"

namespace connlib::gateway {

// TunnelAddresses are the two addresses that the portal gave to one device.
struct TunnelAddresses {
  Ipv4Address v4;
  Ipv6Address v6;

  constexpr bool contains(const IpAddress& address) const {
    return address == IpAddress(v4) || address == IpAddress(v6);
  }
  constexpr IpAddress of(IpFamily family) const {
    return family == IpFamily::kV4 ? IpAddress(v4) : IpAddress(v6);
  }

  friend constexpr bool operator==(const TunnelAddresses&, const TunnelAddresses&) = default;
};

}  // namespace connlib::gateway
