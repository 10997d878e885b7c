#pragma once

#include <cstdint>
#include <span>

#include "connlib/base/bytes.h"

namespace connlib {

inline constexpr size_t kTcpMinHeaderBytes = 20;

// TcpSegment reads a TCP header (RFC 9293 §3.1) and payload that IpPacket accepted.
class TcpSegment {
 public:
  explicit TcpSegment(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}

  uint16_t source_port() const noexcept { return load_be16(&bytes_[0]); }
  uint16_t destination_port() const noexcept { return load_be16(&bytes_[2]); }
  uint32_t sequence() const noexcept { return load_be32(&bytes_[4]); }
  uint32_t acknowledgment() const noexcept { return load_be32(&bytes_[8]); }
  uint16_t window() const noexcept { return load_be16(&bytes_[14]); }
  uint16_t checksum() const noexcept { return load_be16(&bytes_[16]); }
  bool has_fin() const noexcept { return (bytes_[13] & 0x01) != 0; }
  bool has_syn() const noexcept { return (bytes_[13] & 0x02) != 0; }
  bool has_rst() const noexcept { return (bytes_[13] & 0x04) != 0; }
  bool has_ack() const noexcept { return (bytes_[13] & 0x10) != 0; }

  std::span<const uint8_t> options() const noexcept {
    return bytes_.first(header_bytes()).subspan(kTcpMinHeaderBytes);
  }
  std::span<const uint8_t> payload() const noexcept { return bytes_.subspan(header_bytes()); }

 private:
  size_t header_bytes() const noexcept { return size_t{4} * (bytes_[12] >> 4); }
  std::span<const uint8_t> bytes_;
};

}  // namespace connlib
