#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "snownet/ice/candidate.h"
#include "snownet/ice/check_history.h"
#include "snownet/ice/role.h"

namespace connlib::snownet::ice {

// Path is where datagrams leave from and go to: a local base (a host address or a relayed one) and
// a remote address. No two pairs of an agent have the same path (RFC 8445 §6.1.2.4).
struct Path {
  SocketAddress local;
  SocketAddress remote;
  friend constexpr auto operator<=>(const Path&, const Path&) = default;
};

// PairState has no "frozen": there is one component and nothing to wait for. A failed pair stays in
// the list, unchecked, until the peer is heard on it or it must make room.
enum class PairState : uint8_t { kWaiting, kInProgress, kSucceeded, kFailed };

// CandidatePair is one path, the best candidates at its two ends, and what our checks on it found.
class CandidatePair {
 public:
  CandidatePair(const Candidate& local, const Candidate& remote, Role role, Timestamp now);

  Path path() const { return {local_.base, remote_.address}; }
  const Candidate& local() const { return local_; }
  const Candidate& remote() const { return remote_; }
  uint64_t priority() const { return priority_; }
  PairState state() const { return state_; }
  bool is_alive() const { return state_ != PairState::kFailed; }
  bool has_succeeded() const { return state_ == PairState::kSucceeded; }
  std::optional<Duration> round_trip_time() const { return round_trip_time_; }
  Timestamp last_answer_at() const { return last_answer_at_; }  // never(): none yet.

  // set_candidates() replaces the ends, as when a peer-reflexive candidate gets its real name. What
  // checks found stays: it is about the path, and the path is the same.
  void set_candidates(const Candidate& local, const Candidate& remote, Role role);
  void set_role(Role role);
  void set_timing(const Timing& timing);

  // --- Checks. next_at() is when the next step is due: a check, or failing when is_exhausted().
  Timestamp next_at() const { return next_at_; }
  bool is_exhausted(const Timing& timing) const { return history_.is_exhausted(timing); }
  void record_check(const CheckHistory::Attempt& attempt, const Timing& timing);
  CheckHistory::Attempt* find_attempt(const stun::TransactionId& id) { return history_.find(id); }
  // record_success() is an answer to `attempt`, one of this pair. record_answer() is one that shows
  // life but no success: a role conflict.
  void record_success(CheckHistory::Attempt& attempt, const Timing& timing, Timestamp now);
  void record_answer(CheckHistory::Attempt& attempt, Timestamp now);
  void fail();
  // The checks that had no answer since the last one that had.
  size_t unanswered_checks() const { return history_.unanswered(); }
  // check_soon() makes a check due, unless one left within `kMinCheckGap`; it revives a failed
  // pair.
  void check_soon(Timestamp now);

  // Whether it may still come to work: succeeded, or not failed and younger than kPossibleFor (D4).
  // A pair revived by the peer stays as old as it is.
  bool is_possible(Timestamp now) const;
  Timestamp possible_until() const;

  // --- Nomination.
  // As the controlling side: this pair is selected and no check said so yet.
  bool is_nomination_unsent() const { return is_nomination_unsent_; }
  void set_nomination_unsent(bool unsent) { is_nomination_unsent_ = unsent; }
  // As the controlled side: the place of this pair in the order of nominations, 0 for none; and
  // whether the peer's latest check on it carried USE-CANDIDATE.
  uint64_t nomination() const { return nomination_; }
  void nominate(uint64_t order, Timestamp now) {
    nomination_ = order;
    nominated_at_ = now;
  }
  void let_go() { nomination_ = 0; }
  // Own checks without an answer since then. Those from before say nothing: the peer knows better.
  size_t unanswered_since_nomination() const { return history_.unanswered_since(nominated_at_); }
  bool peer_uses() const { return peer_uses_; }
  void set_peer_uses(bool uses) { peer_uses_ = uses; }
  void clear_nomination();

 private:
  Candidate local_;
  Candidate remote_;
  uint64_t priority_;
  CheckHistory history_;
  Timestamp created_at_;
  Timestamp next_at_;
  Timestamp last_answer_at_ = Timestamp::never();
  std::optional<Duration> round_trip_time_;
  uint64_t nomination_ = 0;
  Timestamp nominated_at_;
  PairState state_ = PairState::kWaiting;
  bool peer_uses_ = false;
  bool is_nomination_unsent_ = false;
};

// Ours: what a peer can trigger on one pair is at most one check per this span.
inline constexpr Duration kMinCheckGap = 250ms;

}  // namespace connlib::snownet::ice
