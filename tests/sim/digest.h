#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace connlib::sim {

// Digest is FNV-1a over 64 bits: enough to compare runs, not for anything hostile.
class Digest {
 public:
  constexpr void add(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) add_byte(byte);
  }
  constexpr void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<uint8_t>(c));
  }
  constexpr uint64_t value() const { return value_; }

 private:
  constexpr void add_byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3U; }
  uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace connlib::sim
