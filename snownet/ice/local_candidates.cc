#include "snownet/ice/local_candidates.h"

#include <algorithm>

#include "snownet/ice/priority.h"

namespace connlib::snownet::ice {
namespace {

bool is_peer_reflexive(const Candidate& candidate) {
  return candidate.kind == CandidateKind::kPeerReflexive;
}

size_t count_of(std::span<const Candidate> candidates, bool peer_reflexive) {
  return static_cast<size_t>(std::count_if(
      candidates.begin(), candidates.end(),
      [&](const Candidate& candidate) { return is_peer_reflexive(candidate) == peer_reflexive; }));
}

}  // namespace

size_t& LocalCandidates::added(const Candidate& candidate) {
  return added_[static_cast<size_t>(candidate.kind)][candidate.address.ip.is_v4() ? 0 : 1];
}

std::optional<Candidate> LocalCandidates::add(Candidate candidate) {
  if (is_peer_reflexive(candidate) || !is_usable(candidate.address) || !is_usable(candidate.base) ||
      candidate.address.ip.family() != candidate.base.ip.family() ||
      count_of(candidates_, false) >= kMaxLocalCandidates) {
    return std::nullopt;
  }
  candidate.priority =
      candidate_priority(candidate.kind, local_preference(candidate, added(candidate)));
  const auto twin =
      std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& known) {
        return known.address == candidate.address && known.base == candidate.base;
      });
  if (twin != candidates_.end()) {
    // A peer-reflexive twin is our own guess: the real one goes before it, whatever its priority.
    if (!is_peer_reflexive(*twin) && twin->priority >= candidate.priority) return std::nullopt;
    candidates_.erase(twin);
  }
  added(candidate) += 1;
  was_ever_filled_ = true;
  // Not twice as many: a list stays at a few, and there are many lists.
  if (candidates_.size() == candidates_.capacity()) candidates_.reserve(candidates_.size() + 1);
  candidates_.push_back(candidate);
  return candidate;
}

void LocalCandidates::learn(const SocketAddress& address, const SocketAddress& base) {
  const Candidate* sender = best_from(base);
  const bool is_known =
      std::any_of(candidates_.begin(), candidates_.end(),
                  [&](const Candidate& known) { return known.address == address; });
  if (sender == nullptr || is_known || !is_usable(address) ||
      count_of(candidates_, true) >= kMaxLocalPeerReflexive) {
    return;
  }
  candidates_.push_back({CandidateKind::kPeerReflexive, address, base, std::nullopt,
                         peer_reflexive_priority(sender->priority)});
}

bool LocalCandidates::remove(const Candidate& candidate) {
  return std::erase_if(candidates_, [&](const Candidate& known) {
           return known.kind == candidate.kind && known.address == candidate.address &&
                  known.base == candidate.base;
         }) > 0;
}

const Candidate* LocalCandidates::best_from(const SocketAddress& base) const {
  const Candidate* best = nullptr;
  for (const Candidate& known : candidates_) {
    if (known.base != base || is_peer_reflexive(known)) continue;
    if (best == nullptr || known.priority > best->priority) best = &known;
  }
  return best;
}

bool LocalCandidates::receives_at(const SocketAddress& address) const {
  return std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& known) {
    return known.address == address &&
           (known.kind == CandidateKind::kHost || known.kind == CandidateKind::kRelayed);
  });
}

}  // namespace connlib::snownet::ice
