#pragma once

#include <cstddef>
#include <cstdint>

#include "snownet/ice/candidate.h"
#include "snownet/ice/role.h"

namespace connlib::snownet::ice {

// local_preference() is the middle part of a local candidate's priority. IPv6 goes before IPv4, and
// the n-th candidate of a kind and family lies two below the one before it, so that the families
// alternate (RFC 8421 §4). A relayed address of another family than the one we talk to the relay
// with loses 1000: relayed traffic should stay within one IP version. `earlier` is the number of
// candidates of the same kind and family that came before, removed ones included.
uint16_t local_preference(const Candidate& candidate, size_t earlier) noexcept;

// candidate_priority() is RFC 8445 §5.1.2.1 for component 1.
uint32_t candidate_priority(CandidateKind kind, uint16_t local_preference) noexcept;

// peer_reflexive_priority() is the PRIORITY attribute of a check (RFC 8445 §7.1.1): what the peer
// shall use when it has never heard of the address the check comes from.
uint32_t peer_reflexive_priority(uint32_t local_priority) noexcept;

// pair_priority() is RFC 8445 §6.1.2.3; `role` is ours.
uint64_t pair_priority(Role role, uint32_t local, uint32_t remote) noexcept;

}  // namespace connlib::snownet::ice
