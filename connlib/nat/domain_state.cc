#include "connlib/nat/domain_state.h"

#include <algorithm>
#include <utility>

namespace connlib::nat {

void DomainState::ask(Timestamp now) {
  state_ = State::kPending;
  timed_requests_ = 0;
  asked_at_ = now;
  is_request_due_ = true;
}

void DomainState::ask_again(Timestamp now) {
  if (now - asked_at_ < kRequestFloor) return;
  asked_at_ = now;
  is_request_due_ = true;
}

void DomainState::arm(Timestamp now, RandomSource& random) {
  if (timed_requests_ >= kMaxTimedRequests) {
    retry_at_ = Timestamp::never();
    return;
  }
  const Duration pause = std::min(kLongestRequestRetry, kRequestFloor * (1 << timed_requests_));
  // Up to a quarter more, so that clients which lost their gateway together do not ask together.
  retry_at_ =
      now + pause +
      Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(pause.count() / 4))));
}

void DomainState::handle_update(Timestamp now) {
  switch (state_) {
    case State::kPending:
      return ask_again(now);
    case State::kRecreating:
      return ask(now);
    case State::kConfirmed:
    case State::kFailed:
      return;
  }
}

void DomainState::handle_query() {
  // Pending stays: a new start would lose what waits for it.
  if (state_ != State::kConfirmed && state_ != State::kFailed) return;
  holds_packets_ = state_ == State::kFailed;
  state_ = State::kRecreating;
}

bool DomainState::handle_outgoing(Timestamp now, RandomSource& random) {
  if (state_ != State::kPending) return false;
  ask_again(now);
  if (!holds_packets_) return false;
  if (!std::exchange(is_held_, true)) arm(asked_at_, random);
  return true;
}

DomainState::Outcome DomainState::handle_status(bool is_active) {
  const bool is_answer = state_ == State::kPending || (state_ == State::kRecreating && is_active);
  if (!is_answer) return Outcome::kNothing;
  state_ = is_active ? State::kConfirmed : State::kFailed;
  is_request_due_ = false;
  retry_at_ = Timestamp::never();
  if (!std::exchange(is_held_, false)) return Outcome::kNothing;
  return is_active ? Outcome::kRelease : Outcome::kDiscard;
}

void DomainState::handle_timeout(Timestamp now, RandomSource& random) {
  if (retry_at_ > now) return;
  ++timed_requests_;
  ask_again(now);
  arm(now, random);
}

bool DomainState::take_request() { return std::exchange(is_request_due_, false); }

}  // namespace connlib::nat
