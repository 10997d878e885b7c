#pragma once

#include <cstddef>
#include <vector>

#include "connlib/base/timestamp.h"
#include "snownet/ice/role.h"
#include "snownet/ice/timing.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::ice {

// CheckHistory remembers the last attempts on one pair. Every transmission is a transaction of its
// own, so that an answer names the attempt it belongs to.
class CheckHistory {
 public:
  struct Attempt {
    stun::TransactionId id;
    Timestamp sent_at;
    Role role{};  // Ours, when it was sent: a 487 to an older role is stale.
    bool is_answered = false;
  };

  CheckHistory() { attempts_.reserve(kMaxRetransmits); }

  // record() forgets the oldest attempt when `timing.max_retransmits` are remembered.
  void record(const Attempt& attempt, const Timing& timing);
  void trim(const Timing& timing);
  void clear() { attempts_.clear(); }

  // nullptr when no remembered attempt has this `id`.
  Attempt* find(const stun::TransactionId& id);

  bool empty() const { return attempts_.empty(); }
  Timestamp last_sent_at() const { return attempts_.back().sent_at; }

  // The attempts since the last one that was answered.
  size_t unanswered() const;
  // Of these the ones sent at `since` or later.
  size_t unanswered_since(Timestamp since) const;

  // When the next step is due: the next attempt, or, when is_exhausted(), giving up. A healthy pair
  // waits max_rto. Once the oldest unanswered attempt was older than max_rto / 2 at the last
  // transmission, the wait grows anew from initial_rto, by the number of unanswered attempts. Must
  // not be empty().
  Timestamp next_at(const Timing& timing) const;

  // All attempts that `timing` allows were made, and none was answered.
  bool is_exhausted(const Timing& timing) const { return unanswered() >= timing.max_retransmits; }

 private:
  std::vector<Attempt> attempts_;  // Oldest first, at most kMaxRetransmits.
};

}  // namespace connlib::snownet::ice
