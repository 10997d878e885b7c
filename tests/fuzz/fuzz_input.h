#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace connlib::fuzz {

// FuzzInput reads a fuzzer's bytes as a script of small numbers. Behind the end everything is zero,
// so every prefix of an input is an input too; ask empty() when to stop.
class FuzzInput {
 public:
  explicit FuzzInput(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  size_t size() const { return rest_.size(); }

  uint8_t u8() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  uint16_t u16() {
    const unsigned high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }

  // below() is in [0, bound); 0 when `bound` is 0.
  size_t below(size_t bound) { return bound == 0 ? 0 : u16() % bound; }

  // take() is up to `bytes` of what is left.
  std::span<const uint8_t> take(size_t bytes) {
    const auto taken = rest_.first(std::min(bytes, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace connlib::fuzz
