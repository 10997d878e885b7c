#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/status/status.h>

#include "connlib/model/resource.h"
#include "connlib/policy/condition.h"
#include "connlib/policy/ids.h"

namespace connlib::policy {

// Actor is somebody who signs in, or a service account.
struct Actor {
  ActorId id;
  std::string name;
  bool is_disabled = false;
};

// Group is a set of actors. Everyone has no members of its own: all actors belong to it.
struct Group {
  enum class Kind : uint8_t { kStatic, kManaged, kEveryone };
  GroupId id;
  std::string name;
  Kind kind = Kind::kStatic;
};

// Policy grants a resource to a group, under conditions. There is one per pair.
struct Policy {
  PolicyId id;
  GroupId group;
  ResourceId resource;
  std::string description{};
  std::vector<Condition> conditions{};
  bool is_disabled = false;
  bool logs_flows = false;
};

// Directory is what one account administers. References hold at any time: what would dangle is
// refused when added and goes along when its end is removed.
class Directory {
 public:
  // Adds, or replaces what has the same id.
  void set_actor(Actor actor);
  void set_group(Group group);
  void set_site(Site site);
  absl::Status set_resource(Resource resource);  // Of sites that exist.
  absl::Status set_policy(Policy policy);        // One per pair; one condition per property.
  absl::Status add_member(const GroupId& group, const ActorId& actor);
  void remove_member(const GroupId& group, const ActorId& actor);

  void remove_actor(const ActorId& id);
  void remove_group(const GroupId& id);        // With its policies.
  void remove_site(const SiteId& id);          // With its resources, as they have no other.
  void remove_resource(const ResourceId& id);  // With its policies.
  void remove_policy(const PolicyId& id);

  // Null when there is none. Pointers hold until the next change.
  const Actor* find_actor(const ActorId& id) const;
  const Group* find_group(const GroupId& id) const;
  const Resource* find_resource(const ResourceId& id) const;

  bool is_member(const Group& group, const ActorId& actor) const;
  std::vector<const Policy*> policies_of(const ResourceId& resource) const;  // By id.
  const std::map<ResourceId, Resource>& resources() const { return resources_; }

 private:
  template <typename Predicate>
  void remove_policies(Predicate is_concerned);

  std::map<ActorId, Actor> actors_;
  std::map<GroupId, Group> groups_;
  std::set<std::pair<GroupId, ActorId>> members_;
  std::map<SiteId, Site> sites_;
  std::map<ResourceId, Resource> resources_;
  std::map<PolicyId, Policy> policies_;
  std::map<std::pair<ResourceId, GroupId>, PolicyId> policy_of_pair_;
};

}  // namespace connlib::policy
