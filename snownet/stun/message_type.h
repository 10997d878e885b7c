#pragma once

#include <cstdint>
#include <optional>

namespace connlib::snownet::stun {

// Method is the 12-bit method of a message. Any value may arrive; these are the ones we know.
enum class Method : uint16_t {
  kBinding = 0x001,           // RFC 8489 §3
  kAllocate = 0x003,          // RFC 8656 §7
  kRefresh = 0x004,           // RFC 8656 §8
  kSend = 0x006,              // RFC 8656 §10, indications only
  kData = 0x007,              // RFC 8656 §10, indications only
  kCreatePermission = 0x008,  // RFC 8656 §9
  kChannelBind = 0x009,       // RFC 8656 §12
};

enum class MessageClass : uint8_t { kRequest = 0, kIndication = 1, kSuccess = 2, kError = 3 };

// MessageType is the first field of a message (RFC 8489 §5): method and class bits interleaved.
//
//    0 0 M11 M10 M9 M8 M7 C1 M6 M5 M4 C0 M3 M2 M1 M0
struct MessageType {
  Method method{};
  MessageClass cls{};
  friend constexpr bool operator==(const MessageType&, const MessageType&) = default;
};

// encode() is exact for methods up to 0xfff; higher bits are lost.
constexpr uint16_t encode(MessageType type) {
  const auto m = static_cast<uint32_t>(type.method);
  const auto c = static_cast<uint32_t>(type.cls);
  return static_cast<uint16_t>((m & 0x00fU) | (c & 1U) << 4U | (m & 0x070U) << 1U | (c & 2U) << 7U |
                               (m & 0xf80U) << 2U);
}

// decode_message_type() fails when one of the two top bits is set: not STUN (RFC 8489 §5).
constexpr std::optional<MessageType> decode_message_type(uint16_t field) noexcept {
  const uint32_t f = field;
  if ((f & 0xc000U) != 0) return std::nullopt;
  const uint32_t method = (f & 0x000fU) | (f & 0x00e0U) >> 1U | (f & 0x3e00U) >> 2U;
  const uint32_t cls = (f & 0x0010U) >> 4U | (f & 0x0100U) >> 7U;
  return MessageType{static_cast<Method>(method), static_cast<MessageClass>(cls)};
}

}  // namespace connlib::snownet::stun
