#pragma once

#include <cstdint>
#include <span>

namespace connlib {

// ChecksumSum is a running Internet checksum (RFC 1071): a ones' complement sum of 16-bit words in
// the machine's own byte order, which the sum does not care about. Only the last part added may
// have an odd length.
class ChecksumSum {
 public:
  void add(std::span<const uint8_t> bytes) noexcept;
  void add_be16(uint16_t value) noexcept;

  // The pseudo-header of `ip_header` (RFC 9293 §3.1, RFC 8200 §8.1): addresses, protocol and length
  // of the upper layer. `ip_header` is at least 20 (IPv4) or 40 (IPv6) bytes.
  void add_pseudo_header(std::span<const uint8_t> ip_header, uint8_t protocol,
                         uint32_t length) noexcept;

  // folded() is the sum in 16 bits; finished() its complement: the field. Both in host order.
  uint16_t folded() const noexcept;
  uint16_t finished() const noexcept { return static_cast<uint16_t>(~folded()); }

 private:
  uint64_t sum_ = 0;
};

// ChecksumDelta collects what changes under a checksum and applies it at once (RFC 1624 eqn. 3).
class ChecksumDelta {
 public:
  // Both have the same even length and lie at an even distance from the start of the sum.
  void replace(std::span<const uint8_t> old_bytes, std::span<const uint8_t> new_bytes) noexcept;

  // apply() is the new value of `checksum`, in host order like the old one. Eqn. 3 cannot tell a
  // sum of nothing but zeros (checksum 0xffff) from one of 0xffff (checksum 0): it answers 0.
  uint16_t apply(uint16_t checksum) const noexcept;

 private:
  ChecksumSum removed_;
  ChecksumSum added_;
};

// update_checksum() is RFC 1624 eqn. 3 for one 16-bit word of the covered data: all in host order.
uint16_t update_checksum(uint16_t checksum, uint16_t old_word, uint16_t new_word) noexcept;

}  // namespace connlib
