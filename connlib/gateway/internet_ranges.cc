#include "connlib/gateway/internet_ranges.h"

#include <algorithm>
#include <array>

#include "connlib/base/bytes.h"

namespace connlib::gateway {
namespace {

struct V4Network {
  uint32_t network;
  uint32_t mask;
};
// The list of spec tunnel 6.3, and 0.0.0.0/8 (RFC 1122 §3.2.1.3 "this host": a kernel takes
// 0.0.0.0 for itself), which is ours.
constexpr std::array kRejectedV4 = {
    V4Network{0x0000'0000, 0xff00'0000},  // 0.0.0.0/8
    V4Network{0x0a00'0000, 0xff00'0000},  // 10.0.0.0/8
    V4Network{0x6440'0000, 0xffc0'0000},  // 100.64.0.0/10
    V4Network{0x7f00'0000, 0xff00'0000},  // 127.0.0.0/8
    V4Network{0xa9fe'0000, 0xffff'0000},  // 169.254.0.0/16
    V4Network{0xac10'0000, 0xfff0'0000},  // 172.16.0.0/12
    V4Network{0xc0a8'0000, 0xffff'0000},  // 192.168.0.0/16
    V4Network{0xe000'0000, 0xf000'0000},  // 224.0.0.0/4
    V4Network{0xf000'0000, 0xf000'0000},  // 240.0.0.0/4, broadcast included
};

bool is_internet_v4(uint32_t address) {
  return std::none_of(kRejectedV4.begin(), kRejectedV4.end(), [&](const V4Network& rejected) {
    return (address & rejected.mask) == rejected.network;
  });
}

bool is_internet_v6(const Ipv6Address& address) {
  const uint64_t high = load_be64(address.bytes.data());
  const uint64_t low = load_be64(address.bytes.data() + 8);
  // ::/96 holds the unspecified address, loopback and what RFC 4291 §2.5.5.1 deprecated.
  if (high == 0 && low >> 32 == 0) return false;
  if (high == 0 && low >> 32 == 0xffff) return false;  // ::ffff:0:0/96, v4-mapped
  if (high >> 57 == 0xfc >> 1) return false;           // fc00::/7
  if (high >> 54 == 0xfe80 >> 6) return false;         // fe80::/10
  if (high >> 56 == 0xff) return false;                // ff00::/8
  // A NAT64 in the gateway's network (RFC 6052 §2.1) would lead back into the list above.
  if (high == 0x0064'ff9b'0000'0000 && low >> 32 == 0) {  // 64:ff9b::/96
    return is_internet_v4(static_cast<uint32_t>(low));
  }
  return true;
}

}  // namespace

bool is_internet(const IpAddress& address) noexcept {
  if (const Ipv4Address* v4 = address.v4()) return is_internet_v4(load_be32(v4->bytes.data()));
  return is_internet_v6(*address.v6());
}

}  // namespace connlib::gateway
