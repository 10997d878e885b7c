#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "connlib/model/public_key.h"
#include "snownet/node/peer_id.h"

namespace connlib::snownet::node {

// A candidate of ours, as the line to signal. Whoever batches them sends additions first, higher
// `priority` before lower, then removals.
struct CandidateAdded {
  PeerId peer;
  std::string line;
  uint32_t priority = 0;
  friend bool operator==(const CandidateAdded&, const CandidateAdded&) = default;
};
struct CandidateRemoved {
  PeerId peer;
  std::string line;
  friend bool operator==(const CandidateRemoved&, const CandidateRemoved&) = default;
};

// Packets can be sealed, and there is a path to send them on (D9). Once per connection.
struct Established {
  PeerId peer;
  friend bool operator==(const Established&, const Established&) = default;
};

enum class FailureReason : uint8_t {
  kNoCandidates,  // The peer signalled none in ten seconds.
  kNoPath,        // No pair works and none is left to try.
  kNoHandshake,   // WireGuard gave up: twenty seconds unanswered, or 540 s without new keys.
};
std::string_view name(FailureReason reason) noexcept;

// The connection is gone. Once per connection.
struct Failed {
  PeerId peer;
  FailureReason why{};
  friend bool operator==(const Failed&, const Failed&) = default;
};

// The connection was closed from here, by close_connection(), close_all() or a reset.
struct Closed {
  PeerId peer;
  friend bool operator==(const Closed&, const Closed&) = default;
};

// The last relay was given up. Nothing can be connected until update_relays() brings others.
struct NoRelays {
  friend bool operator==(const NoRelays&, const NoRelays&) = default;
};

// A reset changed who we are. The portal must know the new key before it authorizes anything.
struct KeyChanged {
  PublicKey key;
  friend bool operator==(const KeyChanged&, const KeyChanged&) = default;
};

using NodeEvent = std::variant<CandidateAdded, CandidateRemoved, Established, Failed, Closed,
                               NoRelays, KeyChanged>;

}  // namespace connlib::snownet::node
