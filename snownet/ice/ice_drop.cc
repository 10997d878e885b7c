#include "snownet/ice/ice_drop.h"

namespace connlib::snownet::ice {

const char* name(IceDrop drop) noexcept {
  switch (drop) {
    case IceDrop::kNotIce:
      return "not ICE";
    case IceDrop::kForeign:
      return "of another agent";
    case IceDrop::kMalformed:
      return "malformed";
    case IceDrop::kWrongFingerprint:
      return "wrong fingerprint";
    case IceDrop::kBadIntegrity:
      return "bad integrity";
    case IceDrop::kUnknownLocal:
      return "unknown local address";
    case IceDrop::kInvalidatedRemote:
      return "invalidated remote address";
    case IceDrop::kUnexpectedNominee:
      return "nomination by the controlled side";
    case IceDrop::kTooManyPairs:
      return "too many pairs";
    case IceDrop::kTooManyRequests:
      return "too many early requests";
    case IceDrop::kDuplicate:
      return "duplicate answer";
    case IceDrop::kStaleRoleConflict:
      return "stale role conflict";
    case IceDrop::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::snownet::ice
