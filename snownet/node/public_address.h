#pragma once

#include "connlib/base/ip.h"

namespace connlib::snownet::node {

// is_public() says whether strangers can reach `address` at all: not private, shared, loopback,
// link-local or multicast (RFC 6890). Of IPv6 only 2000::/3 is (RFC 4291 §2.4).
inline bool is_public(const IpAddress& address) {
  if (const auto* v6 = address.v6()) return (v6->bytes[0] & 0xe0) == 0x20;
  const auto& b = address.v4()->bytes;
  if (b[0] == 0 || b[0] == 10 || b[0] == 127 || b[0] >= 224) return false;
  if (b[0] == 100 && (b[1] & 0xc0) == 64) return false;
  if (b[0] == 169 && b[1] == 254) return false;
  if (b[0] == 172 && (b[1] & 0xf0) == 16) return false;
  return !(b[0] == 192 && b[1] == 168);
}

}  // namespace connlib::snownet::node
