#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "snownet/ice/candidate_pair.h"

namespace connlib::snownet::ice {

inline constexpr size_t kMaxPairs = 100;  // RFC 8445 §6.1.2.5; see CheckList::form().

// CheckList is the pairs of an agent, best priority first; equal priorities are ordered by path, so
// that equal inputs give equal orders. Pointers and references to pairs are valid until the next
// call that forms, removes or re-sorts.
class CheckList {
 public:
  explicit CheckList(Role role) : role_(role) {}

  // form() adds the pair of two candidates, or gives the existing pair with their path these
  // candidates. When the list is full the lowest failed pair makes room, or else the lowest pair
  // that neither succeeded nor is nominated; nullptr when that would be the new one, or none is
  // left.
  CandidatePair* form(const Candidate& local, const Candidate& remote, Timestamp now);

  CandidatePair* find(const Path& path);
  const CandidatePair* find(const Path& path) const;

  void remove_from(const SocketAddress& local_base);
  void remove_to(const SocketAddress& remote);

  // set_role() recomputes every priority and forgets nominations, which belonged to the old roles.
  void set_role(Role role);
  void set_timing(const Timing& timing);

  std::span<CandidatePair> pairs() { return pairs_; }
  std::span<const CandidatePair> pairs() const { return pairs_; }

 private:
  void sort();
  bool make_room_for(uint64_t priority);

  std::vector<CandidatePair> pairs_;
  Role role_;
};

}  // namespace connlib::snownet::ice
