#pragma once

#include <cstddef>
#include <cstdint>

#include "connlib/base/timestamp.h"
#include "snownet/ice/check_list.h"

namespace connlib::snownet::ice {

// Own checks in a row without an answer after which the controlled side lets go of a pair (D1).
inline constexpr size_t kDenominateAfter = 3;

// best_succeeded() is what the controlling side nominates: the succeeded pair of the highest
// priority. On a tie `selected` stays. nullptr when no pair has succeeded.
const CandidatePair* best_succeeded(const CheckList& list, const CandidatePair* selected);

// PeerNominations is the controlled side's view of what the peer nominated (D1):
//
//   a check with USE-CANDIDATE on a pair whose last check had none    → the latest nomination
//   a check without                                                   → the peer left that pair
//   kDenominateAfter own checks unanswered since the nomination,      → our own verdict: let go,
//   another nominated pair answered lately                              until it answers again
//
// A repetition is not a nomination: otherwise a peer that marks every pair it ever nominated (they
// exist) would pull us back to the dead one with every check.
class PeerNominations {
 public:
  // handle_check() takes an authenticated check of the peer; true when it is a fresh nomination.
  bool handle_check(CandidatePair& pair, bool use_candidate, Timestamp now);

  // handle_success() takes an answer to our own check.
  void handle_success(CandidatePair& pair, Timestamp now);

  // let_go() applies the third rule to `selected`.
  void let_go(CheckList& list, CandidatePair& selected, const Timing& timing, Timestamp now) const;

  // The pair to use: the latest nomination among those the peer uses, else among those it left.
  static const CandidatePair* latest(const CheckList& list);

 private:
  uint64_t last_order_ = 0;
};

}  // namespace connlib::snownet::ice
