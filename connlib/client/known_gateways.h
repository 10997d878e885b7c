#pragma once

#include <cstddef>
#include <vector>

#include "connlib/model/ids.h"

namespace connlib::client {

// KnownGateways remembers every gateway that the portal ever named to us. It outlives connections
// and network changes: a gateway that we know is one where the NAT state of our flows may still
// live (spec tunnel 2.5, 2.7). When full, the gateway longest not named is forgotten.
class KnownGateways {
 public:
  explicit KnownGateways(size_t capacity);

  void learn(const GatewayId& gateway);

  // preference() sorts the known gateways for one request: `previous` first (the one that served
  // the resource last, if any), then those that are connected, then by id. `is_connected(id)`.
  template <typename IsConnected>
  std::vector<GatewayId> preference(const GatewayId* previous, IsConnected&& is_connected) const {
    std::vector<GatewayId> connected;
    std::vector<GatewayId> others;
    for (const GatewayId& gateway : sorted()) {
      if (previous != nullptr && gateway == *previous) continue;
      (is_connected(gateway) ? connected : others).push_back(gateway);
    }
    std::vector<GatewayId> out;
    if (previous != nullptr && knows(*previous)) out.push_back(*previous);
    out.insert(out.end(), connected.begin(), connected.end());
    out.insert(out.end(), others.begin(), others.end());
    return out;
  }

  bool knows(const GatewayId& gateway) const;
  size_t size() const { return by_age_.size(); }

 private:
  std::vector<GatewayId> sorted() const;

  size_t capacity_;
  std::vector<GatewayId> by_age_;  // The one named last at the end.
};

}  // namespace connlib::client
