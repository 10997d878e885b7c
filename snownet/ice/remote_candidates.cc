#include "snownet/ice/remote_candidates.h"

#include <algorithm>

namespace connlib::snownet::ice {
namespace {

// One step of local preference: an address we guessed goes after the one that was signalled.
constexpr uint32_t kPreferenceStep = 256;

}  // namespace

bool RemoteCandidates::add(const Candidate& candidate) {
  if (!is_usable(candidate.address)) return false;
  if (candidate.kind == CandidateKind::kPeerReflexive) {
    // RFC 8839 allows to signal one; it adds nothing to an address we know.
    if (best_at(candidate.address) != nullptr) return false;
    if (peer_reflexive_count() >= kMaxRemotePeerReflexive) return false;
    std::erase(invalidated_, candidate.address);
    learn(candidate.address, candidate.priority);
    return true;
  }
  const auto same = std::find_if(candidates_.begin(), candidates_.end(), [&](const Candidate& c) {
    return c.kind == candidate.kind && c.address == candidate.address;
  });
  if (same != candidates_.end()) {
    if (same->priority == candidate.priority) return false;
    same->priority = candidate.priority;
    return true;
  }
  if (candidates_.size() - peer_reflexive_count() >= kMaxRemoteCandidates) return false;
  forget(candidate.address);
  std::erase(invalidated_, candidate.address);
  // Not twice as many: a list stays at a few, and there are many lists.
  if (candidates_.size() == candidates_.capacity()) candidates_.reserve(candidates_.size() + 1);
  candidates_.push_back(candidate);
  was_ever_filled_ = true;
  return true;
}

void RemoteCandidates::learn(const SocketAddress& address, uint32_t priority) {
  candidates_.push_back(Candidate::remote(CandidateKind::kPeerReflexive, address, priority));
  was_ever_filled_ = true;
}

bool RemoteCandidates::invalidate(const Candidate& candidate) {
  const size_t removed = std::erase_if(candidates_, [&](const Candidate& known) {
    return known.address == candidate.address &&
           (known.kind == candidate.kind || (candidate.kind == CandidateKind::kRelayed &&
                                             known.kind == CandidateKind::kPeerReflexive));
  });
  if (removed == 0) return false;
  if (best_at(candidate.address) == nullptr) {
    if (invalidated_.size() >= kMaxInvalidatedAddresses) invalidated_.erase(invalidated_.begin());
    invalidated_.push_back(candidate.address);
  }
  return true;
}

void RemoteCandidates::forget(const SocketAddress& address) {
  std::erase_if(candidates_, [&](const Candidate& known) {
    return known.address == address && known.kind == CandidateKind::kPeerReflexive;
  });
}

const Candidate* RemoteCandidates::best_at(const SocketAddress& address) const {
  const Candidate* best = nullptr;
  for (const Candidate& known : candidates_) {
    if (known.address != address) continue;
    if (best == nullptr || known.priority > best->priority) best = &known;
  }
  return best;
}

bool RemoteCandidates::is_invalidated(const SocketAddress& address) const {
  return std::find(invalidated_.begin(), invalidated_.end(), address) != invalidated_.end();
}

std::vector<Candidate> RemoteCandidates::optimistic() {
  std::vector<Candidate> guesses;
  for (const Candidate& reflexive : candidates_) {
    if (reflexive.kind != CandidateKind::kServerReflexive || reflexive.address.ip.is_v6()) continue;
    for (const Candidate& host : candidates_) {
      if (optimistic_given_ >= kMaxOptimisticCandidates) return guesses;
      if (host.kind != CandidateKind::kHost || host.address.ip.is_v6()) continue;
      const SocketAddress guess{reflexive.address.ip, host.address.port};
      const bool is_known = best_at(guess) != nullptr || is_invalidated(guess) ||
                            std::any_of(guesses.begin(), guesses.end(),
                                        [&](const Candidate& c) { return c.address == guess; });
      if (is_known) continue;
      const uint32_t priority =
          reflexive.priority > kPreferenceStep ? reflexive.priority - kPreferenceStep : 1;
      guesses.push_back(Candidate::remote(CandidateKind::kServerReflexive, guess, priority));
      ++optimistic_given_;
    }
  }
  return guesses;
}

size_t RemoteCandidates::peer_reflexive_count() const {
  return static_cast<size_t>(std::count_if(
      candidates_.begin(), candidates_.end(),
      [](const Candidate& known) { return known.kind == CandidateKind::kPeerReflexive; }));
}

}  // namespace connlib::snownet::ice
