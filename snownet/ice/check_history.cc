#include "snownet/ice/check_history.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::snownet::ice {

void CheckHistory::record(const Attempt& attempt, const Timing& timing) {
  CONNLIB_CHECK(timing.max_retransmits > 0 && timing.max_retransmits <= kMaxRetransmits);
  if (attempts_.size() >= timing.max_retransmits) attempts_.erase(attempts_.begin());
  attempts_.push_back(attempt);
}

void CheckHistory::trim(const Timing& timing) {
  if (attempts_.size() <= timing.max_retransmits) return;
  const auto excess = static_cast<std::ptrdiff_t>(attempts_.size() - timing.max_retransmits);
  attempts_.erase(attempts_.begin(), attempts_.begin() + excess);
}

CheckHistory::Attempt* CheckHistory::find(const stun::TransactionId& id) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                  [&](const Attempt& attempt) { return attempt.id == id; });
  return found == attempts_.end() ? nullptr : &*found;
}

size_t CheckHistory::unanswered() const {
  const auto answered = std::find_if(attempts_.rbegin(), attempts_.rend(),
                                     [](const Attempt& attempt) { return attempt.is_answered; });
  return static_cast<size_t>(answered - attempts_.rbegin());
}

size_t CheckHistory::unanswered_since(Timestamp since) const {
  const auto settled = std::find_if(
      attempts_.rbegin(), attempts_.rend(),
      [since](const Attempt& attempt) { return attempt.is_answered || attempt.sent_at < since; });
  return static_cast<size_t>(settled - attempts_.rbegin());
}

Timestamp CheckHistory::next_at(const Timing& timing) const {
  CONNLIB_CHECK(!attempts_.empty());
  const Timestamp last = last_sent_at();
  const size_t missed = unanswered();
  size_t n = attempts_.size();
  if (missed > 0) {
    const Timestamp oldest = attempts_[attempts_.size() - missed].sent_at;
    if (last - oldest > timing.max_rto / 2) n = missed;
  }
  return last + timing.delay(n);
}

}  // namespace connlib::snownet::ice
