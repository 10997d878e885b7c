#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/packet/offload.h"

namespace connlib {

// SuperPacket is a packet as the TUN gives it: possibly a TSO or USO packet of up to 64 KiB,
// possibly with an unfinished checksum. write_segment() produces wire-ready packets one by one,
// copying each payload byte once, straight into the buffer where it will be encrypted.
class SuperPacket {
 public:
  static constexpr size_t kMaxSegments = 256;

  // parse() checks what write_segment() relies on; nullopt when `info` and `packet` do not fit
  // together. `packet` is borrowed.
  static std::optional<SuperPacket> parse(const OffloadInfo& info, std::span<const uint8_t> packet);

  size_t segments() const noexcept { return segments_; }
  size_t segment_bytes(size_t i) const noexcept { return headers_ + payload_of(i).size(); }

  // write_segment() fills `out`, which is segment_bytes(i) long, with segment `i`: lengths, IPv4
  // identification, TCP sequence and flags, and checksums are those of a packet of its own.
  void write_segment(size_t i, std::span<uint8_t> out) const noexcept;

  std::span<const uint8_t> bytes() const noexcept { return packet_; }

 private:
  std::span<const uint8_t> payload_of(size_t i) const noexcept;
  void finish_l4(size_t i, std::span<uint8_t> out) const noexcept;

  OffloadInfo info_;
  std::span<const uint8_t> packet_;
  size_t headers_ = 0;  // IP + L4; the whole packet when it is not to be cut.
  size_t l4_ = 0;       // Offset of the L4 header.
  size_t segments_ = 1;
};

}  // namespace connlib
