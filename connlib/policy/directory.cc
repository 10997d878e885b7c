#include "connlib/policy/directory.h"

#include <algorithm>

#include <absl/strings/str_cat.h>

namespace connlib::policy {
namespace {

template <typename Map>
const typename Map::mapped_type* find_in(const Map& map, const typename Map::key_type& id) {
  const auto found = map.find(id);
  return found == map.end() ? nullptr : &found->second;
}

absl::Status unknown(const char* what, const std::string& id) {
  return absl::NotFoundError(absl::StrCat("no ", what, " \"", id, "\""));
}

}  // namespace

void Directory::set_actor(Actor actor) {
  const ActorId id = actor.id;
  actors_.insert_or_assign(id, std::move(actor));
}

void Directory::set_group(Group group) {
  const GroupId id = group.id;
  groups_.insert_or_assign(id, std::move(group));
}

void Directory::set_site(Site site) {
  const SiteId id = site.id;
  sites_.insert_or_assign(id, std::move(site));
}

absl::Status Directory::set_resource(Resource resource) {
  for (const Site& site : resource.sites) {
    if (!sites_.contains(site.id)) return unknown("site", site.id.value());
  }
  const ResourceId id = resource.id;
  resources_.insert_or_assign(id, std::move(resource));
  return absl::OkStatus();
}

absl::Status Directory::set_policy(Policy policy) {
  if (!groups_.contains(policy.group)) return unknown("group", policy.group.value());
  if (!resources_.contains(policy.resource)) return unknown("resource", policy.resource.value());
  std::set<Property> properties;
  for (const Condition& condition : policy.conditions) {
    if (!properties.insert(property_of(condition)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("policy \"", policy.id.value(), "\" has two conditions on one property"));
    }
  }
  const std::pair pair(policy.resource, policy.group);
  const PolicyId* present = find_in(policy_of_pair_, pair);
  if (present != nullptr && *present != policy.id) {
    return absl::AlreadyExistsError(absl::StrCat("policy \"", present->value(), "\" grants \"",
                                                 policy.resource.value(), "\" to \"",
                                                 policy.group.value(), "\" already"));
  }
  remove_policy(policy.id);  // It may have been of another pair.
  policy_of_pair_.insert_or_assign(pair, policy.id);
  const PolicyId id = policy.id;
  policies_.insert_or_assign(id, std::move(policy));
  return absl::OkStatus();
}

absl::Status Directory::add_member(const GroupId& group, const ActorId& actor) {
  if (!groups_.contains(group)) return unknown("group", group.value());
  if (!actors_.contains(actor)) return unknown("actor", actor.value());
  members_.emplace(group, actor);
  return absl::OkStatus();
}

void Directory::remove_member(const GroupId& group, const ActorId& actor) {
  members_.erase({group, actor});
}

void Directory::remove_actor(const ActorId& id) {
  actors_.erase(id);
  std::erase_if(members_, [&](const auto& member) { return member.second == id; });
}

template <typename Predicate>
void Directory::remove_policies(Predicate is_concerned) {
  std::erase_if(policies_, [&](const auto& entry) { return is_concerned(entry.second); });
  std::erase_if(policy_of_pair_,
                [&](const auto& entry) { return !policies_.contains(entry.second); });
}

void Directory::remove_group(const GroupId& id) {
  groups_.erase(id);
  std::erase_if(members_, [&](const auto& member) { return member.first == id; });
  remove_policies([&](const Policy& policy) { return policy.group == id; });
}

void Directory::remove_site(const SiteId& id) {
  sites_.erase(id);
  std::vector<ResourceId> homeless;
  for (auto& [resource_id, resource] : resources_) {
    const size_t left =
        std::erase_if(resource.sites, [&](const Site& site) { return site.id == id; });
    if (left > 0 && resource.sites.empty()) homeless.push_back(resource_id);
  }
  for (const ResourceId& resource : homeless) remove_resource(resource);
}

void Directory::remove_resource(const ResourceId& id) {
  const ResourceId gone = id;  // `id` may be the map's own.
  resources_.erase(gone);
  remove_policies([&](const Policy& policy) { return policy.resource == gone; });
}

void Directory::remove_policy(const PolicyId& id) {
  const PolicyId gone = id;
  remove_policies([&](const Policy& policy) { return policy.id == gone; });
}

const Actor* Directory::find_actor(const ActorId& id) const { return find_in(actors_, id); }
const Group* Directory::find_group(const GroupId& id) const { return find_in(groups_, id); }
const Resource* Directory::find_resource(const ResourceId& id) const {
  return find_in(resources_, id);
}

bool Directory::is_member(const Group& group, const ActorId& actor) const {
  if (group.kind == Group::Kind::kEveryone) return actors_.contains(actor);
  return members_.contains({group.id, actor});
}

std::vector<const Policy*> Directory::policies_of(const ResourceId& resource) const {
  std::vector<const Policy*> out;
  const auto first = policy_of_pair_.lower_bound({resource, GroupId()});
  for (auto at = first; at != policy_of_pair_.end() && at->first.first == resource; ++at) {
    out.push_back(&policies_.at(at->second));
  }
  std::sort(out.begin(), out.end(), [](const Policy* a, const Policy* b) { return a->id < b->id; });
  return out;
}

}  // namespace connlib::policy
