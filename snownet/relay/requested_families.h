#pragma once

#include <optional>
#include <variant>

#include "snownet/relay/family_set.h"
#include "snownet/stun/error_code.h"
#include "snownet/stun/xor_address.h"

namespace connlib::snownet::relay {

// requested_families() decides which families an allocation gets (RFC 8656 §7.2), given what the
// relay has and the two attributes of the request. A dual allocation of a relay with one family is
// granted in part.
std::variant<FamilySet, stun::ErrorCode> requested_families(
    FamilySet relay, std::optional<stun::AddressFamily> requested,
    std::optional<stun::AddressFamily> additional);

}  // namespace connlib::snownet::relay
