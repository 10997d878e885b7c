#pragma once

#include <array>
#include <compare>
#include <cstdint>

#include <absl/time/time.h>

#include "connlib/base/timestamp.h"

namespace connlib::wireguard {

// Tai64n is the 12-byte big-endian timestamp of an initiation (spec §6). Comparison is the
// protocol's: lexicographic over the bytes.
struct Tai64n {
  std::array<uint8_t, 12> bytes{};

  // encode() takes the value as it is: base 2^62 + 10, `nanoseconds` < 10^9.
  static Tai64n encode(int64_t unix_seconds, uint32_t nanoseconds);

  // successor() is larger by one nanosecond unit; used to keep stamps strictly increasing.
  Tai64n successor() const;

  friend constexpr auto operator<=>(const Tai64n&, const Tai64n&) = default;
};

// WallClock turns a Timestamp into Tai64n stamps: one (instant, date) pair given at construction,
// moved by differences, so that a stepped system clock cannot send a stamp back in time.
class WallClock {
 public:
  WallClock(Timestamp instant, absl::Time date) : instant_(instant), date_(date) {}
  absl::Time at(Timestamp now) const;

  // Nanoseconds are rounded down to a multiple of 2^24 to leak less clock detail (spec §6).
  Tai64n stamp(Timestamp now) const;

 private:
  Timestamp instant_;
  absl::Time date_;
};

}  // namespace connlib::wireguard
