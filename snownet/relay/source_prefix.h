#pragma once

#include <algorithm>

#include "connlib/base/ip.h"

namespace connlib::snownet::relay {

// source_prefix() is whom a limit counts: an IPv4 address, or the /64 that one IPv6 subscriber has
// at the least.
inline IpAddress source_prefix(const IpAddress& ip) {
  if (ip.is_v4()) return ip;
  Ipv6Address prefix = *ip.v6();
  std::fill(prefix.bytes.begin() + 8, prefix.bytes.end(), uint8_t{0});
  return prefix;
}

}  // namespace connlib::snownet::relay
