#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connlib/portal/ice_parameters.h"

namespace connlib::portal {

// CandidateBatch is one message's worth of ICE candidates for one peer, as SDP attributes, highest
// priority first.
template <typename Peer>
struct CandidateBatch {
  Peer peer;
  CandidateChange change = CandidateChange::kAdded;
  std::vector<std::string> candidates{};
  friend bool operator==(const CandidateBatch&, const CandidateBatch&) = default;
};

// CandidateOutbox gathers our candidates per peer and gives them out while the portal can take
// them. What happens in a portal outage is held (lesson dc547a6884): a candidate that comes and
// goes meanwhile is never told, and the rest leaves as one batch per peer when the portal is back.
template <typename Peer>
class CandidateOutbox {
 public:
  explicit CandidateOutbox(size_t max_per_peer) : max_per_peer_(max_per_peer) {}

  void add(const Peer& peer, const std::string& candidate, uint32_t priority) {
    Held& held = peers_[peer];
    held.removed.erase(candidate);
    if (held.added.size() < max_per_peer_) held.added.emplace(candidate, priority);
  }
  void remove(const Peer& peer, const std::string& candidate) {
    Held& held = peers_[peer];
    const bool was_told = held.added.erase(candidate) == 0;
    if (was_told && held.removed.size() < max_per_peer_) held.removed.emplace(candidate, 0);
    if (held.is_empty()) peers_.erase(peer);
  }

  // forget() is for connections that ended: their candidates mean nothing any more.
  void forget(const Peer& peer) { peers_.erase(peer); }

  void handle_portal(bool is_connected) { is_portal_connected_ = is_connected; }

  // poll() is the next batch; nullopt when there is none or the portal is away.
  std::optional<CandidateBatch<Peer>> poll() {
    if (!has_news()) return std::nullopt;
    const auto first = peers_.begin();
    CandidateBatch<Peer> batch{.peer = first->first};
    Held& held = first->second;
    if (!held.added.empty()) {
      batch.candidates = by_priority(std::exchange(held.added, {}));
    } else {
      batch.change = CandidateChange::kInvalidated;
      batch.candidates = by_priority(std::exchange(held.removed, {}));
    }
    if (held.is_empty()) peers_.erase(first);
    return batch;
  }
  bool has_news() const { return is_portal_connected_ && !peers_.empty(); }

 private:
  struct Held {
    std::map<std::string, uint32_t> added;  // With priorities.
    std::map<std::string, uint32_t> removed;
    bool is_empty() const { return added.empty() && removed.empty(); }
  };

  static std::vector<std::string> by_priority(const std::map<std::string, uint32_t>& candidates) {
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

  size_t max_per_peer_;
  bool is_portal_connected_ = true;
  std::map<Peer, Held> peers_;  // Only with something in it.
};

}  // namespace connlib::portal
