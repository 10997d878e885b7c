#include "shells/portal/store/load_rules.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "shells/portal/store/conditions.h"
#include "shells/portal/store/document.h"

namespace connlib::portald {
namespace {

constexpr absl::Duration kZonePast = absl::Hours(24 * 365);
constexpr absl::Duration kZoneFuture = absl::Hours(24 * 3653);
constexpr size_t kMaxZoneChanges = 100;  // Ours: twice a year would be 22.

std::string text(const Json& object, const char* member) {
  return object.at(member).get<std::string>();
}
std::vector<Json> list(Store& store, const char* kind) { return store.list(*find_kind(kind)); }

void add_people(Store& store, policy::Directory& directory) {
  for (const Json& each : list(store, "actor")) {
    directory.set_actor({.id = policy::ActorId(text(each, "id")),
                         .name = text(each, "name"),
                         .is_disabled = each.at("disabled").get<bool>()});
  }
  for (const Json& each : list(store, "site")) {
    directory.set_site({.id = SiteId(text(each, "id")), .name = text(each, "name")});
  }
}

absl::Status add_groups(Store& store, policy::Directory& directory) {
  for (const Json& each : list(store, "group")) {
    const policy::GroupId id(text(each, "id"));
    const bool is_everyone = each.at("type") == "everyone";
    directory.set_group(
        {.id = id,
         .name = text(each, "name"),
         .kind = is_everyone ? policy::Group::Kind::kEveryone : policy::Group::Kind::kStatic});
    for (const Json& member : each.at("members")) {
      absl::Status status = directory.add_member(id, policy::ActorId(member.get<std::string>()));
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status add_resources(Store& store, policy::Directory& directory) {
  for (const Json& each : list(store, "resource")) {
    auto address = resource_address(each);
    if (!address.ok()) return address.status();
    Resource resource{.id = ResourceId(text(each, "id")),
                      .name = text(each, "name"),
                      .address = *std::move(address)};
    if (!each.at("address_description").is_null()) {
      resource.address_description = text(each, "address_description");
    }
    const auto site = store.find(*find_kind("site"), text(each, "site_id"));
    resource.sites.push_back(
        {.id = SiteId(text(each, "site_id")), .name = site ? text(*site, "name") : ""});
    for (const Json& filter : each.at("filters")) {
      const auto parsed = parse_filter(filter.get<std::string>());
      if (!parsed.ok()) return parsed.status();
      resource.filters.push_back(*parsed);
    }
    if (absl::Status status = directory.set_resource(std::move(resource)); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status add_policies(Store& store, policy::Directory& directory,
                          std::set<std::string>& zones) {
  for (const Json& each : list(store, "policy")) {
    Conditions conditions = parse_conditions(each.at("conditions"));
    if (conditions.refusal) {
      return absl::FailedPreconditionError(
          fmt::format("policy \"{}\": {}", text(each, "id"), conditions.refusal->message));
    }
    for (std::string& zone : zones_of(conditions.list)) zones.insert(std::move(zone));
    // Explanations name a policy by its description.
    const std::string label = store.label(*find_kind("policy"), each);
    const Json& description = each.at("description");
    absl::Status status = directory.set_policy(
        {.id = policy::PolicyId(text(each, "id")),
         .group = policy::GroupId(text(each, "group_id")),
         .resource = ResourceId(text(each, "resource_id")),
         .description = description.is_null() ? label : description.get<std::string>(),
         .conditions = std::move(conditions.list),
         .is_disabled = each.at("disabled").get<bool>(),
         .logs_flows = each.at("log_flows").get<bool>()});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<policy::Zone> read_zone(const std::string& name, absl::Time now) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) {
    return absl::NotFoundError(fmt::format("no time zone \"{}\" on this machine", name));
  }
  const absl::Time from = now - kZonePast;
  std::vector<policy::Zone::Change> changes;
  absl::Time at = from;
  absl::TimeZone::CivilTransition change;
  while (changes.size() < kMaxZoneChanges && zone.NextTransition(at, &change)) {
    at = zone.At(change.to).trans;
    if (at > now + kZoneFuture) break;
    changes.push_back({.at = at, .ahead_of_utc = std::chrono::seconds(zone.At(at).offset)});
  }
  return policy::Zone(std::chrono::seconds(zone.At(from).offset), std::move(changes));
}

absl::StatusOr<Rules> load_rules(Store& store, absl::Time now) {
  Rules out;
  std::set<std::string> zones;
  Transaction transaction(store.database(), Transaction::Kind::kRead);
  add_people(store, out.directory);
  if (absl::Status status = add_groups(store, out.directory); !status.ok()) return status;
  if (absl::Status status = add_resources(store, out.directory); !status.ok()) return status;
  if (absl::Status status = add_policies(store, out.directory, zones); !status.ok()) return status;
  if (absl::Status status = transaction.commit(); !status.ok()) return status;
  for (const std::string& name : zones) {
    auto zone = read_zone(name, now);
    if (!zone.ok()) return zone.status();
    out.zones.set(name, *std::move(zone));
  }
  return out;
}

}  // namespace connlib::portald
