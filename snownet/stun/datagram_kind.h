#pragma once

#include <cstdint>
#include <span>

namespace connlib::snownet::stun {

enum class DatagramKind : uint8_t { kStun, kChannelData, kOther };

// datagram_kind() tells STUN and ChannelData apart by the first byte (RFC 8656 §12, RFC 7983). It
// is a guess to be confirmed by the parser: WireGuard's first bytes 1 to 3 look like STUN too and
// differ in the magic cookie.
constexpr DatagramKind datagram_kind(std::span<const uint8_t> datagram) noexcept {
  if (datagram.empty()) return DatagramKind::kOther;
  const uint8_t first = datagram[0];
  if (first <= 3) return DatagramKind::kStun;
  if (first >= 0x40 && first <= 0x4f) return DatagramKind::kChannelData;
  return DatagramKind::kOther;
}

}  // namespace connlib::snownet::stun
