#include "connlib/client/resource_list.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace connlib::client {
namespace {

using Kind = ResourceChange::Kind;

// Members and filters are sets: their order on the wire means nothing.
template <typename T>
bool are_same_set(std::vector<T> a, std::vector<T> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

Kind compare(const Resource& before, const Resource& after) {
  if (!after.is_routed_like(before)) return Kind::kReplaced;
  // Sites compare by id, but people see their names.
  const auto same_name = [](const Site& a, const Site& b) { return a == b && a.name == b.name; };
  const bool same_sites = std::ranges::equal(before.sites, after.sites, same_name);
  return before == after && same_sites ? Kind::kUnchanged : Kind::kRelabelled;
}
Kind compare(const StaticDevicePool& before, const StaticDevicePool& after) {
  if (!are_same_set(before.members, after.members) || !are_same_set(before.filters, after.filters))
    return Kind::kPoolEdited;
  return before == after ? Kind::kUnchanged : Kind::kRelabelled;
}
Kind compare(const DynamicDevicePool& before, const DynamicDevicePool& after) {
  if (before.pattern != after.pattern) return Kind::kReplaced;
  return before == after ? Kind::kUnchanged : Kind::kRelabelled;
}
template <typename A, typename B>
Kind compare(const A&, const B&) {
  return Kind::kReplaced;
}

}  // namespace

ResourceChange ResourceList::upsert(ClientResource resource) {
  const auto known = resources_.find(id_of(resource));
  if (known == resources_.end()) {
    if (resources_.size() >= capacity_) return {.kind = Kind::kRefused};
    const ResourceId id = id_of(resource);
    resources_.emplace(id, resource);
    return {.kind = Kind::kAdded, .after = std::move(resource)};
  }
  const Kind kind =
      std::visit([](const auto& before, const auto& after) { return compare(before, after); },
                 known->second, resource);
  if (kind == Kind::kUnchanged) return {};
  ResourceChange change{kind, std::move(known->second), resource};
  known->second = std::move(resource);
  return change;
}

ResourceChange ResourceList::remove(const ResourceId& id) {
  auto node = resources_.extract(id);
  if (node.empty()) return {.kind = Kind::kRefused};
  return {.kind = Kind::kRemoved, .before = std::move(node.mapped())};
}

std::vector<ResourceChange> ResourceList::replace_all(std::vector<ClientResource> resources) {
  std::set<ResourceId> named;
  for (const ClientResource& resource : resources) named.insert(id_of(resource));
  std::vector<ResourceId> missing;
  for (const auto& [id, resource] : resources_) {
    if (!named.contains(id)) missing.push_back(id);
  }

  std::vector<ResourceChange> out;
  out.reserve(missing.size());
  for (const ResourceId& id : missing) out.push_back(remove(id));
  for (ClientResource& resource : resources) {
    ResourceChange change = upsert(std::move(resource));
    if (change.kind != Kind::kUnchanged) out.push_back(std::move(change));
  }
  return out;
}

bool ResourceList::want_internet(bool is_wanted) {
  return std::exchange(is_internet_wanted_, is_wanted) != is_wanted;
}

const ClientResource* ResourceList::find(const ResourceId& id) const {
  const auto known = resources_.find(id);
  return known == resources_.end() ? nullptr : &known->second;
}

const Resource* ResourceList::find_routed(const ResourceId& id) const {
  const ClientResource* known = find(id);
  return known == nullptr ? nullptr : std::get_if<Resource>(known);
}

const StaticDevicePool* ResourceList::find_pool(const ResourceId& id) const {
  const ClientResource* known = find(id);
  return known == nullptr ? nullptr : std::get_if<StaticDevicePool>(known);
}

const Resource* ResourceList::active_internet() const {
  if (!is_internet_wanted_) return nullptr;
  for (auto it = resources_.rbegin(); it != resources_.rend(); ++it) {
    const auto* resource = std::get_if<Resource>(&it->second);
    if (resource != nullptr && std::holds_alternative<InternetAddress>(resource->address)) {
      return resource;
    }
  }
  return nullptr;
}

}  // namespace connlib::client
