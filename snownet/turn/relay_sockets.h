#pragma once

#include <optional>

#include "connlib/base/ip.h"

namespace connlib::snownet::turn {

// RelaySockets are the addresses one relay listens on: one of each family at most, at least one.
struct RelaySockets {
  std::optional<SocketAddress> v4{};
  std::optional<SocketAddress> v6{};

  const std::optional<SocketAddress>& of(IpFamily family) const {
    return family == IpFamily::kV4 ? v4 : v6;
  }
  bool contains(const SocketAddress& address) const { return address == v4 || address == v6; }
  friend bool operator==(const RelaySockets&, const RelaySockets&) = default;
};

}  // namespace connlib::snownet::turn
