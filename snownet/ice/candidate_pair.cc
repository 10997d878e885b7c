#include "snownet/ice/candidate_pair.h"

#include <algorithm>

#include "snownet/ice/priority.h"

namespace connlib::snownet::ice {

CandidatePair::CandidatePair(const Candidate& local, const Candidate& remote, Role role,
                             Timestamp now)
    : local_(local),
      remote_(remote),
      priority_(pair_priority(role, local.priority, remote.priority)),
      created_at_(now),
      next_at_(now) {}

void CandidatePair::set_candidates(const Candidate& local, const Candidate& remote, Role role) {
  local_ = local;
  remote_ = remote;
  set_role(role);
}

void CandidatePair::set_role(Role role) {
  priority_ = pair_priority(role, local_.priority, remote_.priority);
}

void CandidatePair::set_timing(const Timing& timing) {
  if (!is_alive() || history_.empty()) return;
  history_.trim(timing);
  next_at_ = history_.next_at(timing);
}

void CandidatePair::record_check(const CheckHistory::Attempt& attempt, const Timing& timing) {
  history_.record(attempt, timing);
  if (state_ == PairState::kWaiting) state_ = PairState::kInProgress;
  next_at_ = history_.next_at(timing);
}

void CandidatePair::record_success(CheckHistory::Attempt& attempt, const Timing& timing,
                                   Timestamp now) {
  history_.note_answer(attempt);
  round_trip_time_ = now - attempt.sent_at;
  last_answer_at_ = now;
  state_ = PairState::kSucceeded;
  next_at_ = history_.next_at(timing);
}

void CandidatePair::record_answer(CheckHistory::Attempt& attempt, Timestamp now) {
  history_.note_answer(attempt);
  next_at_ = now;
}

void CandidatePair::fail() {
  state_ = PairState::kFailed;
  next_at_ = Timestamp::never();
  history_.clear();
  clear_nomination();
}

void CandidatePair::check_soon(Timestamp now) {
  if (state_ == PairState::kFailed) {
    state_ = PairState::kWaiting;
    next_at_ = now;
    return;
  }
  const Timestamp earliest = history_.empty() ? now : history_.last_sent_at() + kMinCheckGap;
  next_at_ = std::min(next_at_, std::max(now, earliest));
}

bool CandidatePair::is_possible(Timestamp now) const {
  return has_succeeded() || (is_alive() && now < created_at_ + kPossibleFor);
}

Timestamp CandidatePair::possible_until() const {
  return is_alive() && !has_succeeded() ? created_at_ + kPossibleFor : Timestamp::never();
}

void CandidatePair::clear_nomination() {
  nomination_ = 0;
  peer_uses_ = false;
  is_nomination_unsent_ = false;
}

}  // namespace connlib::snownet::ice
