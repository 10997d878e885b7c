#pragma once

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <string>

namespace connlib {

// Duration is a signed span of time in nanoseconds. Write `10min`, `500ms`; print with to_text().
using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;  // NOLINT(google-global-names-in-headers): `10min`
                                       // everywhere.

// Timestamp is an instant on the one monotonic clock of a process (or a simulation). Its epoch is
// private, it has no now(): instants come in as arguments. Arithmetic saturates at never().
class Timestamp {
 public:
  constexpr Timestamp() = default;

  // never() is later than every instant that happens: "no deadline".
  static constexpr Timestamp never() { return Timestamp(std::numeric_limits<int64_t>::max()); }

  // from_nanoseconds() is for clocks (shells, tests) and recordings only.
  static constexpr Timestamp from_nanoseconds(int64_t since_epoch) {
    return Timestamp(since_epoch);
  }
  constexpr int64_t to_nanoseconds() const { return ns_; }

  constexpr bool is_never() const { return *this == never(); }

  friend constexpr Timestamp operator+(Timestamp t, Duration d) {
    int64_t sum = 0;
    if (t.is_never()) return t;
    if (__builtin_add_overflow(t.ns_, static_cast<int64_t>(d.count()), &sum)) {
      return d.count() > 0 ? never() : Timestamp(std::numeric_limits<int64_t>::min());
    }
    return Timestamp(sum);
  }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) { return t + (-d); }

  // The span between two instants; Duration::max() when only `a` is never().
  friend constexpr Duration operator-(Timestamp a, Timestamp b) {
    int64_t difference = 0;
    if (a.is_never() || __builtin_sub_overflow(a.ns_, b.ns_, &difference)) return Duration::max();
    return Duration(difference);
  }
  constexpr Timestamp& operator+=(Duration d) { return *this = *this + d; }

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;

 private:
  explicit constexpr Timestamp(int64_t ns) : ns_(ns) {}
  int64_t ns_ = 0;
};

// to_text() prints a duration with the largest unit that keeps it readable: "1.5s", "20ms", "3min".
std::string to_text(Duration duration);

}  // namespace connlib
