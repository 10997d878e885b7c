#include "connlib/gateway/grants.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace connlib::gateway {
namespace {

// remove_where() is std::erase_if for maps, telling what it erased.
template <typename Predicate>
std::vector<ResourceId> remove_where(std::map<ResourceId, Grant>& grants, Predicate&& is_over) {
  std::vector<ResourceId> removed;
  for (auto it = grants.begin(); it != grants.end();) {
    if (is_over(it->first, it->second)) {
      removed.push_back(it->first);
      it = grants.erase(it);
    } else {
      ++it;
    }
  }
  return removed;
}

}  // namespace

Grants::Added Grants::add(Grant grant) {
  Added what = Added::kNew;
  const auto* dns = std::get_if<DnsAddress>(&grant.resource.address);
  grant.pattern = dns == nullptr ? std::nullopt : dns::Pattern::parse(dns->pattern);
  grant.filter = routing::PacketFilter(grant.resource.filters);
  const auto known = grants_.find(grant.resource.id);
  if (known != grants_.end()) {
    const bool is_same = known->second.resource.address == grant.resource.address;
    what = is_same ? Added::kRefreshed : Added::kReplaced;
    if (is_same && known->second.flows.token == grant.flows.token) {
      grant.flows = std::move(known->second.flows);
    }
    known->second = std::move(grant);
  } else {
    if (grants_.size() >= capacity_) return Added::kFull;
    ResourceId id = grant.resource.id;
    grants_.emplace(std::move(id), std::move(grant));
  }
  find_next_expiry();
  return what;
}

Grants::Updated Grants::update_filters(const Resource& resource) {
  const auto known = grants_.find(resource.id);
  if (known == grants_.end()) return Updated::kUnknown;
  Resource& mine = known->second.resource;
  if (mine.address != resource.address) return Updated::kOtherAddress;
  mine.filters = resource.filters;
  known->second.filter = routing::PacketFilter(resource.filters);
  mine.name = resource.name;
  return Updated::kUpdated;
}

bool Grants::remove(const ResourceId& id) {
  const bool was_known = grants_.erase(id) > 0;
  find_next_expiry();
  return was_known;
}

std::vector<ResourceId> Grants::retain(const std::map<ResourceId, Timestamp>& listed) {
  auto removed = remove_where(grants_, [&](const ResourceId& id, Grant& grant) {
    const auto kept = listed.find(id);
    if (kept == listed.end()) return true;
    grant.expires_at = kept->second;
    return false;
  });
  find_next_expiry();
  return removed;
}

std::vector<ResourceId> Grants::expire(Timestamp now) {
  if (now < next_expiry_) return {};
  auto removed = remove_where(
      grants_, [&](const ResourceId&, const Grant& grant) { return grant.expires_at <= now; });
  find_next_expiry();
  return removed;
}

const Grant* Grants::find(const ResourceId& id) const {
  const auto known = grants_.find(id);
  return known == grants_.end() ? nullptr : &known->second;
}

void Grants::find_next_expiry() {
  next_expiry_ = Timestamp::never();
  for (const auto& [id, grant] : grants_) next_expiry_ = std::min(next_expiry_, grant.expires_at);
}

}  // namespace connlib::gateway
