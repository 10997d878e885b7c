#pragma once

#include <cstdint>

namespace connlib::snownet::stun {

// AttributeType is the type field of an attribute. Any value may arrive; these have a name.
enum class AttributeType : uint16_t {
  kMappedAddress = 0x0001,  // Ignored on receipt: middleboxes rewrite it.
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kChannelNumber = 0x000c,
  kLifetime = 0x000d,
  kXorPeerAddress = 0x0012,
  kData = 0x0013,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kXorRelayedAddress = 0x0016,
  kRequestedAddressFamily = 0x0017,
  kEvenPort = 0x0018,  // Known by name only.
  kRequestedTransport = 0x0019,
  kDontFragment = 0x001a,  // Known by name only.
  kXorMappedAddress = 0x0020,
  kReservationToken = 0x0022,  // Known by name only.
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kAdditionalAddressFamily = 0x8000,
  kAddressErrorCode = 0x8001,  // Tolerated, not read.
  kSoftware = 0x8022,
  kAlternateServer = 0x8023,  // Tolerated, not read.
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

// Types below 0x8000 must be understood by the receiver of a request (RFC 8489 §14).
constexpr bool is_comprehension_required(AttributeType type) {
  return static_cast<uint16_t>(type) < 0x8000;
}

// is_understood() says whether this codec knows what `type` asks for. EVEN-PORT, DONT-FRAGMENT and
// RESERVATION-TOKEN have names but are not understood, so that a server answers 420 to them, as
// RFC 8656 §7.2 wants from one that does not support them.
bool is_understood(AttributeType type) noexcept;

// The RFC's name, or "unknown". For traces.
const char* name(AttributeType type) noexcept;

}  // namespace connlib::snownet::stun
