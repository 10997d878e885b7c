#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/bytes.h"

namespace connlib::dns::tcp {

// DNS over TCP puts the length of each message in front of it (RFC 1035 §4.2.2):
//
//   |            Length             |
//   /            Message            /

inline constexpr size_t kLengthBytes = 2;

// next_message() is the message at the front of `stream`; nullopt when it has not all arrived. It
// borrows from `stream` and takes kLengthBytes more of it than it is long.
inline std::optional<std::span<const uint8_t>> next_message(std::span<const uint8_t> stream) {
  if (stream.size() < kLengthBytes) return std::nullopt;
  const size_t length = load_be16(stream.data());
  if (stream.size() - kLengthBytes < length) return std::nullopt;
  return stream.subspan(kLengthBytes, length);
}

// framed() is `message` with its length in front; it has at most 65,535 bytes.
inline std::vector<uint8_t> framed(std::span<const uint8_t> message) {
  std::vector<uint8_t> out(kLengthBytes + message.size());
  ByteWriter writer(out);
  writer.be16(static_cast<uint16_t>(message.size()));
  writer.bytes(message);
  return out;
}

}  // namespace connlib::dns::tcp
