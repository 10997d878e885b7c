#pragma once

#include <compare>
#include <string>
#include <utility>

#include "connlib/model/ids.h"

namespace connlib {

// Site is where gateways stand. It compares and hashes by id alone: a renamed site is the same
// site.
struct Site {
  SiteId id;
  std::string name{};

  friend bool operator==(const Site& a, const Site& b) { return a.id == b.id; }
  friend auto operator<=>(const Site& a, const Site& b) { return a.id <=> b.id; }
  template <typename H>
  friend H AbslHashValue(H h, const Site& site) {
    return H::combine(std::move(h), site.id);
  }
};

}  // namespace connlib
