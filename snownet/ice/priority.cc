#include "snownet/ice/priority.h"

#include <algorithm>

namespace connlib::snownet::ice {
namespace {

// Departs from RFC 8445 §5.1.2.2 (recommended 0 for relayed): the peers we must agree with use 2.
uint32_t type_preference(CandidateKind kind) {
  switch (kind) {
    case CandidateKind::kHost:
      return 126;
    case CandidateKind::kPeerReflexive:
      return 110;
    case CandidateKind::kServerReflexive:
      return 100;
    case CandidateKind::kRelayed:
      return 2;
  }
  return 0;
}

// The kinds start a quarter of the range apart.
int64_t first_preference(CandidateKind kind) {
  switch (kind) {
    case CandidateKind::kHost:
      return 65535;
    case CandidateKind::kPeerReflexive:
      return 49151;
    case CandidateKind::kServerReflexive:
      return 32767;
    case CandidateKind::kRelayed:
      return 16383;
  }
  return 0;
}

}  // namespace

uint16_t local_preference(const Candidate& candidate, size_t earlier) noexcept {
  const auto steps = static_cast<int64_t>(std::min<size_t>(earlier, 32768));
  int64_t preference = first_preference(candidate.kind) - 2 * steps;
  if (candidate.address.ip.is_v4()) preference -= 1;
  if (candidate.relay_family && candidate.relay_family != candidate.address.ip.family()) {
    preference -= 1000;
  }
  return static_cast<uint16_t>(std::max<int64_t>(preference, 0));
}

uint32_t candidate_priority(CandidateKind kind, uint16_t local_preference) noexcept {
  constexpr uint32_t kComponent = 1;
  return type_preference(kind) << 24U | uint32_t{local_preference} << 8U | (256U - kComponent);
}

uint32_t peer_reflexive_priority(uint32_t local_priority) noexcept {
  return type_preference(CandidateKind::kPeerReflexive) << 24U | (local_priority & 0x00ffffffU);
}

uint64_t pair_priority(Role role, uint32_t local, uint32_t remote) noexcept {
  const uint64_t g = role == Role::kControlling ? local : remote;
  const uint64_t d = role == Role::kControlling ? remote : local;
  // G may be as large as 2^32 − 1 when a peer signals nonsense; the sum still fits:
  // (2^32 − 1)·2^32 + 2·(2^32 − 1) would not, so the halves are kept apart by saturation.
  const uint64_t high = std::min(g, d) << 32U;
  const uint64_t low = 2 * std::max(g, d) + (g > d ? 1 : 0);
  return high > UINT64_MAX - low ? UINT64_MAX : high + low;
}

}  // namespace connlib::snownet::ice
