#include "connlib/client/allowed_sources.h"

namespace connlib::client {

bool AllowedSources::allow(const ResourceId& resource, const IpPrefix& network) {
  if (!table_.insert(network, 1)) return false;
  if (by_resource_[resource].insert(network).second) ++users_[network];
  return true;
}

void AllowedSources::remove(const ResourceId& resource) {
  const auto node = by_resource_.extract(resource);
  if (node.empty()) return;
  for (const IpPrefix& network : node.mapped()) {
    const auto users = users_.find(network);
    if (--users->second > 0) continue;
    users_.erase(users);
    table_.remove(network);
  }
}

}  // namespace connlib::client
