#include "connlib/client/candidate_outbox.h"

#include <algorithm>
#include <utility>

namespace connlib::client {

void CandidateOutbox::add(const PeerName& peer, const std::string& candidate, uint32_t priority) {
  Held& held = peers_[peer];
  held.removed.erase(candidate);
  if (held.added.size() < max_per_peer_) held.added.emplace(candidate, priority);
}

void CandidateOutbox::remove(const PeerName& peer, const std::string& candidate) {
  Held& held = peers_[peer];
  const bool was_told = held.added.erase(candidate) == 0;
  if (was_told && held.removed.size() < max_per_peer_) held.removed.emplace(candidate, 0);
  if (held.added.empty() && held.removed.empty()) peers_.erase(peer);
}

std::optional<CandidateBatch> CandidateOutbox::poll() {
  if (!has_news()) return std::nullopt;
  const auto first = peers_.begin();
  CandidateBatch batch{.peer = first->first};
  Held& held = first->second;
  if (!held.added.empty()) {
    batch.candidates = by_priority(std::exchange(held.added, {}));
  } else {
    batch.kind = CandidateBatch::Kind::kRemoved;
    batch.candidates = by_priority(std::exchange(held.removed, {}));
  }
  if (held.added.empty() && held.removed.empty()) peers_.erase(first);
  return batch;
}

std::vector<std::string> CandidateOutbox::by_priority(
    const std::map<std::string, uint32_t>& candidates) {
  std::vector<std::pair<uint32_t, std::string>> sorted;
  sorted.reserve(candidates.size());
  for (const auto& [candidate, priority] : candidates) sorted.emplace_back(priority, candidate);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> out;
  out.reserve(sorted.size());
  for (auto& [priority, candidate] : sorted) out.push_back(std::move(candidate));
  return out;
}

}  // namespace connlib::client
