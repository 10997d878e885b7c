#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "snownet/ice/candidate.h"

namespace connlib::snownet::ice {

// Ours. At the limit further ones are refused; the peer-reflexive ones have a limit of their own,
// because the peer decides how many of those there are.
inline constexpr size_t kMaxLocalCandidates = 100;
inline constexpr size_t kMaxLocalPeerReflexive = 8;

// LocalCandidates is our side of the candidate set. It computes priorities and drops what is
// redundant (RFC 8445 §5.1.3).
class LocalCandidates {
 public:
  // add() gives the candidate with its priority, to be signalled; nullopt when its address is not
  // usable, base and address differ in family, an existing candidate with the same address and base
  // goes before it, or the limit is reached. It may replace such a candidate of lower priority.
  std::optional<Candidate> add(Candidate candidate);

  // learn() keeps an address that the peer saw us at (RFC 8445 §7.2.5.3.1). Never signalled or
  // paired. A no-op when a candidate has that address already.
  void learn(const SocketAddress& address, const SocketAddress& base);

  // remove() matches kind, address and base.
  bool remove(const Candidate& candidate);

  // The best candidate that sends from `base`; nullptr when nothing does.
  const Candidate* best_from(const SocketAddress& base) const;

  // Whether a check may arrive at `address`: that of a host or relayed candidate.
  bool receives_at(const SocketAddress& address) const;

  std::span<const Candidate> all() const { return candidates_; }
  bool was_ever_filled() const { return was_ever_filled_; }

 private:
  size_t& added(const Candidate& candidate);

  std::vector<Candidate> candidates_;
  // How many were ever added, by kind and family: the interleaving counts removed ones too.
  std::array<std::array<size_t, 2>, 4> added_{};
  bool was_ever_filled_ = false;
};

}  // namespace connlib::snownet::ice
