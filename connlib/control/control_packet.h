#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "connlib/packet/ip_packet.h"

namespace connlib::control {

// The kinds of control packet (spec tunnel 4.2). Others may follow: peers ignore what they do not
// know.
inline constexpr uint8_t kAssignedIpsType = 0;
inline constexpr uint8_t kDomainStatusType = 1;
inline constexpr uint8_t kGoodbyeType = 2;

inline constexpr uint8_t kControlNextHeader = 0xff;
inline constexpr size_t kControlHeaderBytes = 8;
inline constexpr size_t kControlOverheadBytes = kIpv6HeaderBytes + kControlHeaderBytes;
inline constexpr size_t kMaxControlPayloadBytes = IpPacket::kMaxBytes - kControlOverheadBytes;

// ControlPacket is an IPv6 packet that can never be real traffic (spec tunnel 4.1): from :: to ::,
// next header 0xff, hop limit 0, and then
//
//    0                   1                   2                   3
//   |  Event type   |                   Reserved                    |
//   |                           Reserved                            |
//   /                        Payload: JSON                          /
//
struct ControlPacket {
  uint8_t type = 0;
  std::span<const uint8_t> payload{};
};

// is_control_traffic() says whether `packet` claims to be one, well-formed or not: it must neither
// come from a TUN nor reach one.
bool is_control_traffic(std::span<const uint8_t> packet) noexcept;

// parse_control_packet() finds type and payload, which borrows from `packet`. nullopt for any other
// packet, for one that is shorter or longer than it says, and for one above the inner MTU.
std::optional<ControlPacket> parse_control_packet(std::span<const uint8_t> packet) noexcept;

// write_control_packet() fills the start of `out` and returns that part; empty when `out` or the
// MTU is too small. `payload` does not overlap `out`.
std::span<uint8_t> write_control_packet(uint8_t type, std::span<const uint8_t> payload,
                                        std::span<uint8_t> out) noexcept;

// goodbye_packet() tells the other side to forget us at once, instead of waiting for timeouts.
std::array<uint8_t, kControlOverheadBytes> goodbye_packet() noexcept;

}  // namespace connlib::control
