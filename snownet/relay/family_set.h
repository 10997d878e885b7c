#pragma once

#include "connlib/base/ip.h"

namespace connlib::snownet::relay {

// FamilySet says which address families something has.
struct FamilySet {
  bool v4 = false;
  bool v6 = false;

  static constexpr FamilySet of(IpFamily family) {
    return {family == IpFamily::kV4, family == IpFamily::kV6};
  }
  constexpr bool contains(IpFamily family) const { return family == IpFamily::kV4 ? v4 : v6; }
  constexpr bool empty() const { return !v4 && !v6; }
  constexpr void add(IpFamily family) { (family == IpFamily::kV4 ? v4 : v6) = true; }
  friend constexpr bool operator==(FamilySet, FamilySet) = default;
};

}  // namespace connlib::snownet::relay
