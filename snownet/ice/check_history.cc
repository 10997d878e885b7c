#include "snownet/ice/check_history.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::snownet::ice {
namespace {

constexpr size_t kFewAttempts = 3;  // One answered and two on their way; enough for a nomination.
static_assert(sizeof(CheckHistory::Attempt) == 24, "there are many");

}  // namespace

void CheckHistory::record(const Attempt& attempt, const Timing& timing) {
  CONNLIB_CHECK(timing.max_retransmits > 0 && timing.max_retransmits <= kMaxRetransmits);
  make_room(attempt.sent_at);
  attempts_.push_back(attempt);
  if (missed_ == 0) first_missed_at_ = attempt.sent_at;
  const auto most = static_cast<uint32_t>(timing.max_retransmits);
  made_ = std::min(made_ + 1, most);
  missed_ = std::min(missed_ + 1, most);
}

// What came before the last answer is of no use any more, and slow series need little memory.
void CheckHistory::make_room(Timestamp now) {
  forget_all_but(std::min(size_t{missed_} + 1, kMaxRememberedAttempts - 1));
  if (attempts_.size() < attempts_.capacity()) return;
  if (attempts_.empty()) {
    attempts_.reserve(kFewAttempts);
  } else if (now - attempts_.front().sent_at >= kAnswerMemory) {
    attempts_.erase(attempts_.begin());
  } else {
    attempts_.reserve(kMaxRememberedAttempts);
  }
}

void CheckHistory::forget_all_but(size_t count) {
  if (attempts_.size() <= count) return;
  attempts_.erase(attempts_.begin(), attempts_.end() - static_cast<std::ptrdiff_t>(count));
}

void CheckHistory::note_answer(Attempt& attempt) {
  attempt.is_answered = true;
  const auto answered = std::find_if(attempts_.rbegin(), attempts_.rend(),
                                     [](const Attempt& each) { return each.is_answered; });
  missed_ = std::min(missed_, static_cast<uint32_t>(answered - attempts_.rbegin()));
  if (missed_ > 0)
    first_missed_at_ = (attempts_.end() - static_cast<std::ptrdiff_t>(missed_))->sent_at;
}

void CheckHistory::trim(const Timing& timing) {
  const auto most = static_cast<uint32_t>(timing.max_retransmits);
  made_ = std::min(made_, most);
  if (missed_ > most) {
    missed_ = most;
    const size_t remembered = std::min(size_t{missed_}, attempts_.size());
    first_missed_at_ = (attempts_.end() - static_cast<std::ptrdiff_t>(remembered))->sent_at;
  }
  forget_all_but(kFewAttempts);
  attempts_.shrink_to_fit();
}

CheckHistory::Attempt* CheckHistory::find(const stun::TransactionId& id) {
  const auto found = std::find_if(attempts_.begin(), attempts_.end(),
                                  [&](const Attempt& attempt) { return attempt.id == id; });
  return found == attempts_.end() ? nullptr : &*found;
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
  const bool is_ailing = missed_ > 0 && last - first_missed_at_ > timing.max_rto / 2;
  return last + timing.delay(is_ailing ? missed_ : made_);
}

}  // namespace connlib::snownet::ice
