#include "connlib/client/known_gateways.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::client {

KnownGateways::KnownGateways(size_t capacity) : capacity_(capacity) { CONNLIB_CHECK(capacity > 0); }

void KnownGateways::learn(const GatewayId& gateway) {
  const auto known = std::find(by_age_.begin(), by_age_.end(), gateway);
  if (known != by_age_.end()) {
    std::rotate(known, known + 1, by_age_.end());
    return;
  }
  if (by_age_.size() == capacity_) by_age_.erase(by_age_.begin());
  by_age_.push_back(gateway);
}

bool KnownGateways::knows(const GatewayId& gateway) const {
  return std::find(by_age_.begin(), by_age_.end(), gateway) != by_age_.end();
}

std::vector<GatewayId> KnownGateways::sorted() const {
  std::vector<GatewayId> out = by_age_;
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace connlib::client
