#include "snownet/relay/peer_policy.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "connlib/base/bytes.h"

namespace connlib::snownet::relay {
namespace {

struct Network4 {
  uint32_t prefix;
  int length;
  AddressScope scope;
};

// The IANA special-purpose registry (RFC 6890) and what else is not a public unicast address.
constexpr std::array kNetworks4 = {
    Network4{0x00000000, 8, AddressScope::kForbidden},   // 0.0.0.0/8, this network
    Network4{0x7f000000, 8, AddressScope::kForbidden},   // 127.0.0.0/8, loopback
    Network4{0xa9fe0000, 16, AddressScope::kForbidden},  // 169.254.0.0/16, link-local
    Network4{0xe0000000, 4, AddressScope::kForbidden},   // 224.0.0.0/4, multicast
    Network4{0xf0000000, 4, AddressScope::kForbidden},   // 240.0.0.0/4, reserved and broadcast
    Network4{0x0a000000, 8, AddressScope::kPrivate},     // 10.0.0.0/8, RFC 1918
    Network4{0x64400000, 10, AddressScope::kPrivate},    // 100.64.0.0/10, carrier NAT
    Network4{0xac100000, 12, AddressScope::kPrivate},    // 172.16.0.0/12, RFC 1918
    Network4{0xc0000000, 24, AddressScope::kPrivate},    // 192.0.0.0/24, protocol assignments
    Network4{0xc0000200, 24, AddressScope::kPrivate},    // 192.0.2.0/24, documentation
    Network4{0xc0586300, 24, AddressScope::kPrivate},    // 192.88.99.0/24, 6to4 anycast
    Network4{0xc0a80000, 16, AddressScope::kPrivate},    // 192.168.0.0/16, RFC 1918
    Network4{0xc6120000, 15, AddressScope::kPrivate},    // 198.18.0.0/15, benchmarks
    Network4{0xc6336400, 24, AddressScope::kPrivate},    // 198.51.100.0/24, documentation
    Network4{0xcb007100, 24, AddressScope::kPrivate},    // 203.0.113.0/24, documentation
};

AddressScope scope_of_v4(uint32_t address) noexcept {
  for (const Network4& network : kNetworks4) {
    const uint32_t mask = ~uint32_t{0} << static_cast<unsigned>(32 - network.length);
    if ((address & mask) == network.prefix) return network.scope;
  }
  return AddressScope::kPublic;
}

// NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses lead to the IPv4 address they carry.
std::optional<Ipv4Address> carried_address(const Ipv6Address& address) noexcept {
  const auto& bytes = address.bytes;
  const uint64_t high = load_be64(bytes.data());
  if (high == 0x0064ff9b00000000 && load_be32(bytes.data() + 8) == 0) {
    return Ipv4Address{{bytes[12], bytes[13], bytes[14], bytes[15]}};
  }
  if (high >> 48 == 0x2002) return Ipv4Address{{bytes[2], bytes[3], bytes[4], bytes[5]}};
  return std::nullopt;
}

AddressScope scope_of_v6(const Ipv6Address& address) noexcept {
  if (const auto carried = carried_address(address)) {
    return scope_of_v4(load_be32(carried->bytes.data()));
  }
  const auto& bytes = address.bytes;
  const uint64_t high = load_be64(bytes.data());
  const uint64_t low = load_be64(bytes.data() + 8);
  // ::, ::1, IPv4-compatible (::/96) and IPv4-mapped (::ffff:0:0/96).
  if (high == 0 && (low >> 32 == 0 || low >> 32 == 0xffff)) return AddressScope::kForbidden;
  if (bytes[0] == 0xff) return AddressScope::kForbidden;                      // ff00::/8
  if (bytes[0] == 0xfe && bytes[1] >= 0x80) return AddressScope::kForbidden;  // fe80::, fec0::/10
  if (high >> 61 != 1) return AddressScope::kPrivate;                         // Outside 2000::/3
  if (high >> 41 == 0x20010000 >> 9) return AddressScope::kPrivate;  // 2001::/23, Teredo and others
  if (high >> 32 == 0x20010db8) return AddressScope::kPrivate;       // Documentation
  if (high >> 44 == 0x3fff0) return AddressScope::kPrivate;          // Documentation
  return AddressScope::kPublic;
}

}  // namespace

AddressScope scope_of(const IpAddress& ip) noexcept {
  if (const auto* four = ip.v4()) return scope_of_v4(load_be32(four->bytes.data()));
  return scope_of_v6(*ip.v6());
}

PeerPolicy::PeerPolicy(PeerPolicyOptions options) : options_(std::move(options)) {}

bool PeerPolicy::is_own(const IpAddress& ip) const noexcept {
  const auto& own = options_.own_addresses;
  if (std::find(own.begin(), own.end(), ip) != own.end()) return true;
  const auto carried = ip.is_v6() ? carried_address(*ip.v6()) : std::nullopt;
  return carried && std::find(own.begin(), own.end(), IpAddress(*carried)) != own.end();
}

bool PeerPolicy::allows(const SocketAddress& peer) const noexcept {
  if (peer.port == 0 || is_own(peer.ip)) return false;
  switch (scope_of(peer.ip)) {
    case AddressScope::kPublic:
      return true;
    case AddressScope::kPrivate:
      return options_.allows_private_peers;
    case AddressScope::kForbidden:
      return false;
  }
  return false;
}

}  // namespace connlib::snownet::relay
