#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/strong.h"

namespace connlib::snownet::stun {

using ChannelNumber = Strong<struct ChannelNumberTag, uint16_t>;

inline constexpr ChannelNumber kFirstChannel{0x4000};  // RFC 8656 §12
inline constexpr ChannelNumber kLastChannel{0x4fff};   // RFC 5766 allowed up to 0x7fff.
inline constexpr size_t kChannelDataHeaderBytes = 4;

constexpr bool is_valid(ChannelNumber channel) {
  return channel >= kFirstChannel && channel <= kLastChannel;
}

// ChannelData is one framed datagram; `payload` borrows from the frame and may be empty.
struct ChannelData {
  ChannelNumber channel;
  std::span<const uint8_t> payload;
};

// parse_channel_data() decodes one ChannelData message (RFC 8656 §12.4):
//
//   |         Channel Number        |            Length             |
//   /                       Application Data                        /
//
// Returns nullopt when `datagram` is shorter than its own Length or the channel number is reserved:
// network noise, not an error. Bytes behind the declared length are padding and ignored.
std::optional<ChannelData> parse_channel_data(std::span<const uint8_t> datagram) noexcept;

// write_channel_data_header() frames a payload in place: the header goes into `header`, the room
// directly in front of the payload. Over UDP nothing is padded. `payload_bytes` is at most 65507,
// as in any UDP datagram.
void write_channel_data_header(std::span<uint8_t, kChannelDataHeaderBytes> header,
                               ChannelNumber channel, size_t payload_bytes);

}  // namespace connlib::snownet::stun
