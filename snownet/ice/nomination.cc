#include "snownet/ice/nomination.h"

#include <algorithm>
#include <utility>

namespace connlib::snownet::ice {

const CandidatePair* best_succeeded(const CheckList& list, const CandidatePair* selected) {
  const auto pairs = list.pairs();
  const auto best = std::find_if(pairs.begin(), pairs.end(),
                                 [](const CandidatePair& pair) { return pair.has_succeeded(); });
  if (best == pairs.end()) return nullptr;
  if (selected != nullptr && selected->has_succeeded() &&
      selected->priority() == best->priority()) {
    return selected;
  }
  return &*best;
}

bool PeerNominations::handle_check(CandidatePair& pair, bool use_candidate, Timestamp now) {
  const bool is_fresh = use_candidate && !pair.peer_uses();
  pair.set_peer_uses(use_candidate);
  if (is_fresh) pair.nominate(++last_order_, now);
  return is_fresh;
}

void PeerNominations::handle_success(CandidatePair& pair, Timestamp now) {
  if (pair.peer_uses() && pair.nomination() == 0) pair.nominate(++last_order_, now);
}

void PeerNominations::let_go(CheckList& list, CandidatePair& selected, const Timing& timing,
                             Timestamp now) const {
  if (selected.unanswered_since_nomination() < kDenominateAfter) return;
  const auto pairs = list.pairs();
  const bool has_other = std::any_of(pairs.begin(), pairs.end(), [&](const CandidatePair& pair) {
    return &pair != &selected && pair.nomination() != 0 && !pair.last_answer_at().is_never() &&
           now - pair.last_answer_at() <= timing.max_rto;
  });
  if (has_other) selected.let_go();
}

const CandidatePair* PeerNominations::latest(const CheckList& list) {
  const CandidatePair* best = nullptr;
  const auto rank = [](const CandidatePair& pair) {
    return std::pair(pair.peer_uses(), pair.nomination());
  };
  for (const CandidatePair& pair : list.pairs()) {
    if (pair.nomination() == 0) continue;
    if (best == nullptr || rank(pair) > rank(*best)) best = &pair;
  }
  return best;
}

}  // namespace connlib::snownet::ice
