#pragma once

#include <compare>
#include <cstdint>
#include <utility>
#include <variant>

namespace connlib {

// Protocol numbers of the IANA registry, those that mean something to us.
inline constexpr uint8_t kProtocolIcmpv4 = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;

// Protocol is what filters and NAT know one end of a flow by: TCP or UDP with a port, or ICMP echo
// with its identifier (spec tunnel 8.3). An echo has the same identifier at both ends.
struct Protocol {
  enum class Kind : uint8_t { kTcp, kUdp, kIcmpEcho };

  static constexpr Protocol tcp(uint16_t port) { return {Kind::kTcp, port}; }
  static constexpr Protocol udp(uint16_t port) { return {Kind::kUdp, port}; }
  static constexpr Protocol icmp_echo(uint16_t identifier) { return {Kind::kIcmpEcho, identifier}; }

  Kind kind = Kind::kTcp;
  uint16_t value = 0;  // Port or identifier.

  friend constexpr auto operator<=>(const Protocol&, const Protocol&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Protocol& p) {
    return H::combine(std::move(h), p.kind, p.value);
  }
};

// UnsupportedProtocol says why a packet has no Protocol. Filters still need the difference: "icmp"
// admits every ICMP type.
enum class UnsupportedProtocol : uint8_t { kIcmpv4Type, kIcmpv6Type, kIpPayload };

using ClassifiedProtocol = std::variant<Protocol, UnsupportedProtocol>;

}  // namespace connlib
