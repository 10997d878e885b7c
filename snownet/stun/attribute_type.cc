#include "snownet/stun/attribute_type.h"

namespace connlib::snownet::stun {

bool is_understood(AttributeType type) noexcept {
  switch (type) {
    case AttributeType::kMappedAddress:
    case AttributeType::kUsername:
    case AttributeType::kMessageIntegrity:
    case AttributeType::kErrorCode:
    case AttributeType::kUnknownAttributes:
    case AttributeType::kChannelNumber:
    case AttributeType::kLifetime:
    case AttributeType::kXorPeerAddress:
    case AttributeType::kData:
    case AttributeType::kRealm:
    case AttributeType::kNonce:
    case AttributeType::kXorRelayedAddress:
    case AttributeType::kRequestedAddressFamily:
    case AttributeType::kRequestedTransport:
    case AttributeType::kXorMappedAddress:
    case AttributeType::kPriority:
    case AttributeType::kUseCandidate:
    case AttributeType::kAdditionalAddressFamily:
    case AttributeType::kSoftware:
    case AttributeType::kFingerprint:
    case AttributeType::kIceControlled:
    case AttributeType::kIceControlling:
      return true;
    case AttributeType::kEvenPort:
    case AttributeType::kDontFragment:
    case AttributeType::kReservationToken:
    case AttributeType::kAddressErrorCode:
    case AttributeType::kAlternateServer:
      return false;
  }
  return false;  // A type without a name.
}

const char* name(AttributeType type) noexcept {
  switch (type) {
    case AttributeType::kMappedAddress:
      return "MAPPED-ADDRESS";
    case AttributeType::kUsername:
      return "USERNAME";
    case AttributeType::kMessageIntegrity:
      return "MESSAGE-INTEGRITY";
    case AttributeType::kErrorCode:
      return "ERROR-CODE";
    case AttributeType::kUnknownAttributes:
      return "UNKNOWN-ATTRIBUTES";
    case AttributeType::kChannelNumber:
      return "CHANNEL-NUMBER";
    case AttributeType::kLifetime:
      return "LIFETIME";
    case AttributeType::kXorPeerAddress:
      return "XOR-PEER-ADDRESS";
    case AttributeType::kData:
      return "DATA";
    case AttributeType::kRealm:
      return "REALM";
    case AttributeType::kNonce:
      return "NONCE";
    case AttributeType::kXorRelayedAddress:
      return "XOR-RELAYED-ADDRESS";
    case AttributeType::kRequestedAddressFamily:
      return "REQUESTED-ADDRESS-FAMILY";
    case AttributeType::kEvenPort:
      return "EVEN-PORT";
    case AttributeType::kRequestedTransport:
      return "REQUESTED-TRANSPORT";
    case AttributeType::kDontFragment:
      return "DONT-FRAGMENT";
    case AttributeType::kXorMappedAddress:
      return "XOR-MAPPED-ADDRESS";
    case AttributeType::kReservationToken:
      return "RESERVATION-TOKEN";
    case AttributeType::kPriority:
      return "PRIORITY";
    case AttributeType::kUseCandidate:
      return "USE-CANDIDATE";
    case AttributeType::kAdditionalAddressFamily:
      return "ADDITIONAL-ADDRESS-FAMILY";
    case AttributeType::kAddressErrorCode:
      return "ADDRESS-ERROR-CODE";
    case AttributeType::kSoftware:
      return "SOFTWARE";
    case AttributeType::kAlternateServer:
      return "ALTERNATE-SERVER";
    case AttributeType::kFingerprint:
      return "FINGERPRINT";
    case AttributeType::kIceControlled:
      return "ICE-CONTROLLED";
    case AttributeType::kIceControlling:
      return "ICE-CONTROLLING";
  }
  return "unknown";
}

}  // namespace connlib::snownet::stun
