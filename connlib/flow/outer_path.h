#pragma once

#include <optional>

#include <absl/time/time.h>

#include "connlib/base/ip.h"

namespace connlib::flow {

// OuterPath is where the datagrams go that carry a flow: from our socket to the peer's, or to a
// relay of ours. What a relay takes from us it takes from anywhere: then there is no `source`.
struct OuterPath {
  std::optional<SocketAddress> source{};
  SocketAddress destination{};
  absl::Time activated_at{};  // When the flow was first seen on it.

  // leads_as() is whether datagrams to or from there are on this path. The source counts where
  // both know it.
  bool leads_as(const std::optional<SocketAddress>& from, const SocketAddress& to) const {
    return destination == to && (!source || !from || *source == *from);
  }
  friend bool operator==(const OuterPath&, const OuterPath&) = default;
};

}  // namespace connlib::flow
