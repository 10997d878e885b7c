#pragma once

#include <cstddef>
#include <cstdint>

namespace connlib::snownet::ice {

// IceDrop is why a datagram had no effect on an agent. The first two say that it was not for this
// agent: a node with many of them looks further.
enum class IceDrop : uint8_t {
  kNotIce,             // Not STUN, or not a Binding message of the ICE kind.
  kForeign,            // Another user fragment, or an answer to a request that is not ours.
  kMalformed,          // An attribute that every check carries is missing or broken.
  kWrongFingerprint,   // A FINGERPRINT that is present must be right.
  kBadIntegrity,       // Forged, or signed with a password that is no longer valid.
  kUnknownLocal,       // It arrived where no host or relayed candidate of ours is.
  kInvalidatedRemote,  // From an address that the peer took back.
  kUnexpectedNominee,  // USE-CANDIDATE from a peer that is controlled.
  kTooManyPairs,       // The check list is full of better ones.
  kTooManyRequests,    // kMaxEarlyRequests wait for the remote credentials already.
  kDuplicate,          // An answer that came before.
  kStaleRoleConflict,  // A 487 to a role that we left meanwhile.
  kCount,
};

const char* name(IceDrop drop) noexcept;

constexpr bool is_for_another(IceDrop drop) {
  return drop == IceDrop::kNotIce || drop == IceDrop::kForeign;
}

}  // namespace connlib::snownet::ice
