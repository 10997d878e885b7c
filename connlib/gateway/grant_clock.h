#pragma once

#include <optional>

#include <absl/time/time.h>

#include "connlib/base/timestamp.h"

namespace connlib::gateway {

// GrantClock turns the portal's dates of expiry into instants of our clock. One pair (instant,
// date) given at construction ties the two: a stepped system clock moves no expiry.
class GrantClock {
 public:
  // Beyond what our clock can count an expiry is worth one day (spec tunnel 2.10): a portal that
  // says so is broken, and a short grant can be renewed while an endless one cannot be taken back.
  static constexpr Duration kUncountable = std::chrono::hours(24);

  GrantClock(Timestamp instant, absl::Time date) : instant_(instant), date_(date) {}

  // instant_of() never lies before the start of this clock: whatever expired earlier has expired.
  // nullopt, the portal's null, is never(). `now` counts for uncountable dates only.
  Timestamp instant_of(const std::optional<absl::Time>& date, Timestamp now) const;

 private:
  Timestamp instant_;
  absl::Time date_;
};

}  // namespace connlib::gateway
