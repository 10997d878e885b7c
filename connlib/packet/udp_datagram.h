#pragma once

#include <cstdint>
#include <span>

#include "connlib/base/bytes.h"

namespace connlib {

inline constexpr size_t kUdpHeaderBytes = 8;

// UdpDatagram reads a UDP header (RFC 768) and payload that IpPacket accepted.
class UdpDatagram {
 public:
  explicit UdpDatagram(std::span<const uint8_t> bytes) noexcept : bytes_(bytes) {}

  uint16_t source_port() const noexcept { return load_be16(&bytes_[0]); }
  uint16_t destination_port() const noexcept { return load_be16(&bytes_[2]); }
  uint16_t checksum() const noexcept { return load_be16(&bytes_[6]); }  // 0: none.
  std::span<const uint8_t> payload() const noexcept { return bytes_.subspan(kUdpHeaderBytes); }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace connlib
