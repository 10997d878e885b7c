#pragma once

#include <optional>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::portal {

inline constexpr Duration kFirstRetryDelay = 1s;    // Spec portal-protocol 1.7: while nothing
inline constexpr Duration kFirstRetryBudget = 15s;  // ever worked, somebody is waiting for us.
inline constexpr Duration kRetryInitial = 500ms;    // × 1.5 each time, jitter of the same size
inline constexpr Duration kRetryLongest = 60s;      // on top.

// Ours: however soon the portal (or whoever answers for it) says to come back.
inline constexpr Duration kShortestRetryAfter = kRetryInitial;

// RetrySchedule says how long to wait before the next attempt to connect.
class RetrySchedule {
 public:
  // `budget` limits the waiting between two joins; none is no limit.
  RetrySchedule(std::optional<Duration> budget, RandomSource& random)
      : budget_(budget), random_(&random) {}

  // next() is nullopt when the budget is used up: time to give up.
  [[nodiscard]] std::optional<Duration> next();

  void handle_joined();
  void reset();  // An explicit reconnect begins anew.

 private:
  bool has_joined_ = false;
  std::optional<Duration> budget_;
  RandomSource* random_;
  Duration delay_ = kRetryInitial;
  Duration waited_{0};
};

}  // namespace connlib::portal
