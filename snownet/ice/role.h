#pragma once

#include <cstdint>

namespace connlib::snownet::ice {

// Role is who nominates (RFC 8445 §4).
enum class Role : uint8_t { kControlling, kControlled };

constexpr Role opposite(Role role) {
  return role == Role::kControlling ? Role::kControlled : Role::kControlling;
}

}  // namespace connlib::snownet::ice
