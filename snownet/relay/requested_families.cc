#include "snownet/relay/requested_families.h"

namespace connlib::snownet::relay {

using stun::AddressFamily;
using stun::ErrorCode;

std::variant<FamilySet, ErrorCode> requested_families(FamilySet relay,
                                                      std::optional<AddressFamily> requested,
                                                      std::optional<AddressFamily> additional) {
  if (additional) {
    // RFC 8656 §7.2: both attributes, and any additional family but IPv6, are Bad Requests.
    if (requested || *additional != AddressFamily::kIpv6) return ErrorCode::kBadRequest;
    return relay;
  }
  // "The server MUST assume IPv4" without the attribute.
  FamilySet wanted;
  switch (requested.value_or(AddressFamily::kIpv4)) {
    case AddressFamily::kIpv4:
      wanted.v4 = relay.v4;
      break;
    case AddressFamily::kIpv6:
      wanted.v6 = relay.v6;
      break;
  }
  if (wanted.empty()) return ErrorCode::kAddressFamilyNotSupported;
  return wanted;
}

}  // namespace connlib::snownet::relay
