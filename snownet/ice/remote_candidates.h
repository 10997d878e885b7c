#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "snownet/ice/candidate.h"

namespace connlib::snownet::ice {

// Ours. Further signalled candidates are refused, of invalidated addresses the oldest is forgotten,
// and a new peer-reflexive candidate takes the place of the oldest (see IceAgent).
inline constexpr size_t kMaxRemoteCandidates = 100;
inline constexpr size_t kMaxRemotePeerReflexive = 32;
inline constexpr size_t kMaxInvalidatedAddresses = 100;

inline constexpr size_t kMaxOptimisticCandidates = 2;  // Per connection.

// RemoteCandidates is the peer's side of the candidate set: what was signalled, what requests
// taught us (peer-reflexive), and which addresses were taken back.
class RemoteCandidates {
 public:
  // add() takes a signalled candidate. It replaces a peer-reflexive one with its address and brings
  // an invalidated address back to life. False when nothing changed.
  bool add(const Candidate& candidate);

  // learn() takes the source of an authenticated request that no candidate has.
  void learn(const SocketAddress& address, uint32_t priority);

  // invalidate() matches kind and address. A relayed candidate may be known under the name
  // peer-reflexive only; that one goes too. A host or reflexive candidate that shares the address
  // stays: it is alive on its own.
  bool invalidate(const Candidate& candidate);
  void forget(const SocketAddress& address);  // A peer-reflexive one, to make room.

  // The candidate of the highest priority at `address`; nullptr when there is none.
  const Candidate* best_at(const SocketAddress& address) const;
  bool is_invalidated(const SocketAddress& address) const;

  // optimistic() guesses at a port forwarding (snownet §3.8): the IPv4 address of a
  // server-reflexive candidate with the port of a host candidate. At most
  // kMaxOptimisticCandidates per object, all calls counted; they are for the caller to add().
  std::vector<Candidate> optimistic();

  std::span<const Candidate> all() const { return candidates_; }
  size_t peer_reflexive_count() const;
  bool was_ever_filled() const { return was_ever_filled_; }

 private:
  std::vector<Candidate> candidates_;
  std::vector<SocketAddress> invalidated_;  // Oldest first.
  size_t optimistic_given_ = 0;
  bool was_ever_filled_ = false;
};

}  // namespace connlib::snownet::ice
