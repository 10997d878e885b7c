#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>

namespace connlib {

// Filter admits one kind of traffic to a resource: TCP or UDP to a range of ports, or all of ICMP,
// for which the ports mean nothing. A range that ends before it starts admits nothing.
struct Filter {
  enum class Protocol : uint8_t { kTcp, kUdp, kIcmp };

  Protocol protocol = Protocol::kTcp;
  uint16_t first_port = 0;
  uint16_t last_port = 65535;

  constexpr bool matches(Protocol of_packet, uint16_t port) const {
    if (of_packet != protocol) return false;
    return protocol == Protocol::kIcmp || (first_port <= port && port <= last_port);
  }

  friend constexpr auto operator<=>(const Filter&, const Filter&) = default;
};

// permits() is the rule for a whole list (spec tunnel 6.3): an empty one permits everything, any
// other only what one of its filters matches. nullopt stands for every other IP protocol.
constexpr bool permits(std::span<const Filter> filters, std::optional<Filter::Protocol> of_packet,
                       uint16_t port) {
  if (filters.empty()) return true;
  return of_packet.has_value() &&
         std::any_of(filters.begin(), filters.end(),
                     [&](const Filter& filter) { return filter.matches(*of_packet, port); });
}

}  // namespace connlib
