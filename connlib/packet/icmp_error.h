#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/packet/icmp_message.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/packet/quoted_packet.h"

namespace connlib {

inline constexpr uint8_t kIcmpErrorHopLimit = 20;  // spec tunnel 8.4

// IcmpError says what went wrong: an ICMP error without the packet that failed.
struct IcmpError {
  // prohibited(): policy forbids it; the answer that makes a client ask for access again.
  // network_unreachable(): we have nowhere to send it. (Spec tunnel 6.5.)
  static constexpr IcmpError prohibited(IpFamily family) {
    if (family == IpFamily::kV4) return {family, kIcmpv4Unreachable, 13};
    return {family, kIcmpv6Unreachable, 1};
  }
  static constexpr IcmpError network_unreachable(IpFamily family) {
    if (family == IpFamily::kV4) return {family, kIcmpv4Unreachable, 0};
    return {family, kIcmpv6Unreachable, 3};
  }

  IpFamily family = IpFamily::kV4;
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t mtu = 0;  // Of "fragmentation needed" (16 bits) and "packet too big", else 0.

  friend constexpr bool operator==(const IcmpError&, const IcmpError&) = default;
};

// IcmpErrorMessage is a received error: what went wrong with which packet.
struct IcmpErrorMessage {
  IcmpError error;
  QuotedPacket quoted;  // Borrows from the error's bytes.
};

// parse_icmp_error() reads unreachable, time exceeded and (IPv6) packet too big. nullopt for any
// other packet, and for an error whose quote does not tell a flow.
std::optional<IcmpErrorMessage> parse_icmp_error(IpPacket& packet) noexcept;

struct IcmpErrorAddresses {
  IpAddress source;
  IpAddress destination;
};

// write_icmp_error() writes a whole ICMP packet about `failed` into `out` and returns the part it
// filled: at most IpPacket::kMaxBytes. IPv4 quotes the header and 8 bytes (RFC 792), IPv6 as much
// as fits (RFC 4443 §2.4c). `failed` is a packet or what another error quoted of it, and does not
// overlap `out`. Empty when families differ, `failed` has no IP header or `out` is too small.
std::span<uint8_t> write_icmp_error(const IcmpError& error, const IcmpErrorAddresses& addresses,
                                    std::span<const uint8_t> failed,
                                    std::span<uint8_t> out) noexcept;

// answer_with_icmp_error() tells the sender of `failed`, in the name of its destination. Empty also
// where no error may be sent (RFC 1122 §3.2.2, RFC 4443 §2.4e): about an ICMP error, about
// multicast, to nobody.
std::span<uint8_t> answer_with_icmp_error(const IcmpError& error, const IpPacket& failed,
                                          std::span<uint8_t> out) noexcept;

}  // namespace connlib
