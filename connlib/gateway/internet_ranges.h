#pragma once

#include "connlib/base/ip.h"

namespace connlib::gateway {

// is_internet() says whether the Internet resource leads to `address` (spec tunnel 6.3). It does
// not where the gateway itself lives: private and shared networks, loopback, link-local and
// multicast addresses, what is reserved, and IPv6 addresses that carry an IPv4 address past these
// rules.
bool is_internet(const IpAddress& address) noexcept;

}  // namespace connlib::gateway
