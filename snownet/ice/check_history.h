#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "connlib/base/timestamp.h"
#include "snownet/ice/role.h"
#include "snownet/ice/timing.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::ice {

// Ours: an answer can be told for this long, and for the last three attempts in any case. Eight are
// more than nine seconds in every timing set.
inline constexpr Duration kAnswerMemory = 10s;
inline constexpr size_t kMaxRememberedAttempts = 8;

// CheckHistory is what became of the attempts on one pair. Every transmission is a transaction of
// its own, so that an answer names the attempt it belongs to; remembered are the last one that was
// answered and those after it. There are many idle pairs, and a healthy one remembers two.
class CheckHistory {
 public:
  struct Attempt {
    Timestamp sent_at;
    stun::TransactionId id;
    Role role{};  // Ours, when it was sent: a 487 to an older role is stale.
    bool is_answered = false;
  };

  void record(const Attempt& attempt, const Timing& timing);
  // note_answer() is for an attempt that find() gave.
  void note_answer(Attempt& attempt);
  // trim() makes counts agree with a timing set that allows fewer attempts, and gives memory back.
  void trim(const Timing& timing);
  // clear() gives the memory back, too.
  void clear() { *this = CheckHistory(); }

  // nullptr when no remembered attempt has this `id`.
  Attempt* find(const stun::TransactionId& id);

  bool empty() const { return attempts_.empty(); }
  Timestamp last_sent_at() const { return attempts_.back().sent_at; }

  // The attempts since the last one that was answered, at most timing.max_retransmits.
  size_t unanswered() const { return missed_; }
  // Of these the ones sent at `since` or later, at most kMaxRememberedAttempts.
  size_t unanswered_since(Timestamp since) const;

  // When the next step is due: the next attempt, or, when is_exhausted(), giving up. A healthy pair
  // waits max_rto. Once the oldest unanswered attempt was older than max_rto / 2 at the last
  // transmission, the wait grows anew from initial_rto, by the number of unanswered attempts. Must
  // not be empty().
  Timestamp next_at(const Timing& timing) const;

  // All attempts that `timing` allows were made, and none was answered.
  bool is_exhausted(const Timing& timing) const { return missed_ >= timing.max_retransmits; }

 private:
  void make_room(Timestamp now);
  void forget_all_but(size_t count);

  std::vector<Attempt> attempts_;  // Oldest first.
  uint32_t made_ = 0;              // How many there were; beyond timing.max_retransmits none count.
  uint32_t missed_ = 0;
  Timestamp first_missed_at_;  // When the oldest of `missed_` was sent.
};

}  // namespace connlib::snownet::ice
