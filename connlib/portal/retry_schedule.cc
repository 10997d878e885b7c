#include "connlib/portal/retry_schedule.h"

#include <algorithm>

namespace connlib::portal {

std::optional<Duration> RetrySchedule::next() {
  Duration wait = kFirstRetryDelay;
  if (has_joined_) {
    const auto bound = static_cast<uint64_t>(delay_.count());
    wait = delay_ + Duration(static_cast<int64_t>(random_->below(bound)));
    delay_ = std::min(delay_ + delay_ / 2, kRetryLongest);
  }
  const std::optional<Duration> budget = has_joined_ ? budget_ : kFirstRetryBudget;
  if (budget && waited_ + wait > *budget) return std::nullopt;
  waited_ += wait;
  return wait;
}

void RetrySchedule::handle_joined() {
  has_joined_ = true;
  reset();
}

void RetrySchedule::reset() {
  delay_ = kRetryInitial;
  waited_ = Duration(0);
}

}  // namespace connlib::portal
