#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace connlib::wireguard {

// Counters from here on are never sent nor accepted: 2^64 − 2^13 − 1 (spec §2).
inline constexpr uint64_t kRejectAfterMessages = ~uint64_t{0} - (uint64_t{1} << 13);

// ReplayWindow accepts each counter once, in any order, up to 8128 behind the highest (RFC 6479:
// a ring of 128 words, one of them redundant so that advancing clears whole words). The ring is
// made, once, when the first counter beyond 127 is accepted: sessions that only keep a path alive
// are many.
class ReplayWindow {
 public:
  static constexpr uint64_t kReach = 8128;

  // is_acceptable() is the cheap look before decryption; it marks nothing.
  bool is_acceptable(uint64_t counter) const noexcept;

  // mark() accepts `counter`, once. Call it only after the packet was authenticated.
  [[nodiscard]] bool mark(uint64_t counter) noexcept;

  // How many distinct counters were accepted, and the highest + 1: their difference estimates loss.
  uint64_t accepted() const { return accepted_; }
  uint64_t expected() const { return next_; }

 private:
  static constexpr uint64_t kWords = 128;
  static constexpr uint64_t kFewWords = 2;
  using Ring = std::array<uint64_t, kWords>;

  const uint64_t& word(uint64_t counter) const noexcept {
    const uint64_t index = counter / 64;
    return ring_ == nullptr ? few_[index % kFewWords] : (*ring_)[index % kWords];
  }

  std::array<uint64_t, kFewWords> few_{};  // All there is while next_ <= 128.
  std::unique_ptr<Ring> ring_;
  uint64_t next_ = 0;  // Highest accepted counter + 1; 0 means nothing was seen.
  uint64_t accepted_ = 0;
};

}  // namespace connlib::wireguard
