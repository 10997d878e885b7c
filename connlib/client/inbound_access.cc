#include "connlib/client/inbound_access.h"

#include <algorithm>
#include <utility>

namespace connlib::client {

bool InboundAccess::grant(const ResourceId& resource, std::vector<Filter> filters,
                          Timestamp expires_at) {
  if (!grants_.contains(resource) && grants_.size() >= capacity_) return false;
  grants_.insert_or_assign(resource, Grant{std::move(filters), expires_at});
  return true;
}

void InboundAccess::update_filters(const ResourceId& resource, std::vector<Filter> filters) {
  const auto grant = grants_.find(resource);
  if (grant != grants_.end()) grant->second.filters = std::move(filters);
}

void InboundAccess::retain(const std::map<ResourceId, Timestamp>& listed) {
  std::erase_if(grants_, [&](const auto& entry) { return !listed.contains(entry.first); });
  for (auto& [resource, grant] : grants_) grant.expires_at = listed.at(resource);
}

void InboundAccess::expire(Timestamp now) {
  std::erase_if(grants_, [&](const auto& entry) { return entry.second.expires_at <= now; });
}

Timestamp InboundAccess::next_expiry() const {
  Timestamp next = Timestamp::never();
  for (const auto& [resource, grant] : grants_) next = std::min(next, grant.expires_at);
  return next;
}

bool InboundAccess::admits(Timestamp now, std::optional<Filter::Protocol> protocol,
                           uint16_t port) const {
  return std::any_of(grants_.begin(), grants_.end(), [&](const auto& entry) {
    // Asked again here, because packets of one batch come before the timer that removes a grant.
    return now < entry.second.expires_at && permits(entry.second.filters, protocol, port);
  });
}

}  // namespace connlib::client
