#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connlib/client/peer_name.h"

namespace connlib::client {

// CandidateBatch is one message's worth of ICE candidates for one peer, as SDP attributes, highest
// priority first.
struct CandidateBatch {
  enum class Kind : uint8_t { kAdded, kRemoved };
  PeerName peer;
  Kind kind = Kind::kAdded;
  std::vector<std::string> candidates{};
  friend bool operator==(const CandidateBatch&, const CandidateBatch&) = default;
};

// CandidateOutbox gathers our candidates per peer and gives them out while the portal can take
// them. What happens in a portal outage is held (lesson dc547a6884): a candidate that comes and
// goes meanwhile is never told, and the rest leaves as one batch per peer when the portal is back.
class CandidateOutbox {
 public:
  explicit CandidateOutbox(size_t max_per_peer) : max_per_peer_(max_per_peer) {}

  void add(const PeerName& peer, const std::string& candidate, uint32_t priority);
  void remove(const PeerName& peer, const std::string& candidate);

  // forget() is for connections that ended: their candidates mean nothing any more.
  void forget(const PeerName& peer) { peers_.erase(peer); }

  void handle_portal(bool is_connected) { is_portal_connected_ = is_connected; }

  // poll() is the next batch; nullopt when there is none or the portal is away.
  std::optional<CandidateBatch> poll();
  bool has_news() const { return is_portal_connected_ && !peers_.empty(); }

 private:
  struct Held {
    std::map<std::string, uint32_t> added;  // With priorities.
    std::map<std::string, uint32_t> removed;
  };
  static std::vector<std::string> by_priority(const std::map<std::string, uint32_t>& candidates);

  size_t max_per_peer_;
  bool is_portal_connected_ = true;
  std::map<PeerName, Held> peers_;  // Only with something in it.
};

}  // namespace connlib::client
