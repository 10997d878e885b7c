#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "connlib/packet/packet_error.h"

namespace connlib {

// UpperLayer is what follows the IP header with its options or extension headers (RFC 8200 §2).
struct UpperLayer {
  uint8_t protocol = 0;
  size_t offset = 0;
  uint16_t fragment_offset = 0;     // In units of 8 bytes; then `protocol` is of no use.
  bool has_more_fragments = false;  // Both are zero in whole packets and atomic fragments.
  bool is_source_routed = false;    // Not yet at its last stop (RFC 791 §3.1, RFC 8200 §4.4).
};

// find_upper_layer() walks IPv4 options or IPv6 extension headers. `packet` may be cut short behind
// them, as in an ICMP error. Every step takes at least one byte of `packet` (IPv6: eight), so
// hostile chains end with it. AH is walked; ESP, mobility and unknown headers are an upper layer.
std::variant<UpperLayer, PacketError> find_upper_layer(std::span<const uint8_t> packet) noexcept;

}  // namespace connlib
