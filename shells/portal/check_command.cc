#include <fmt/format.h>

#include "connlib/policy/decision.h"
#include "shells/portal/command.h"
#include "shells/portal/store/load_rules.h"

namespace connlib::portald {
namespace {

using policy::Decision;
using policy::Property;

const char* name(Decision::Verdict verdict) {
  switch (verdict) {
    case Decision::Verdict::kAllowed:
      return "allowed";
    case Decision::Verdict::kNotFound:
      return "not_found";
    case Decision::Verdict::kForbidden:
      return "forbidden";
    case Decision::Verdict::kDisabled:
      return "disabled";
    case Decision::Verdict::kExpired:
      return "expired";
  }
  return "unknown";
}

// As peers are told (spec portal-protocol 2.11).
const char* name(Property property) {
  switch (property) {
    case Property::kSource:
      return "remote_ip";
    case Property::kRegion:
      return "remote_ip_location_region";
    case Property::kProvider:
      return "auth_provider_id";
    case Property::kVerified:
      return "client_verified";
    case Property::kTime:
      return "current_utc_datetime";
  }
  return "unknown";
}

Json time_or_null(const std::optional<absl::Time>& time) {
  return time ? Json(time_text(*time)) : Json(nullptr);
}

Json to_json(const Decision& decision, const Json& actor, const Json& resource, absl::Time at) {
  Json violated = Json::array();
  for (const Property property : decision.violated) violated.push_back(name(property));
  return {{"schema", 1},
          {"allowed", decision.is_allowed()},
          {"verdict", name(decision.verdict)},
          {"explanation", decision.explanation},
          {"at", time_text(at)},
          {"actor", {{"id", actor.at("id")}, {"name", actor.at("name")}}},
          {"resource", {{"id", resource.at("id")}, {"name", resource.at("name")}}},
          {"policy_id", decision.policy ? Json(decision.policy->value()) : Json(nullptr)},
          {"group_id", decision.group ? Json(decision.group->value()) : Json(nullptr)},
          {"expires_at", time_or_null(decision.expires_at)},
          {"retry_at", time_or_null(decision.retry_at)},
          {"violated_properties", std::move(violated)}};
}

// The circumstances that the options describe; what they leave out is not known, and meets nothing.
absl::StatusOr<policy::Circumstances> circumstances(const CheckOptions& options) {
  policy::Circumstances out;
  if (!options.from.empty()) {
    const auto source = IpAddress::parse(options.from);
    if (!source) {
      return absl::InvalidArgumentError(fmt::format("--from {}: not an IP address", options.from));
    }
    out.source = *source;
  }
  if (!options.region.empty()) out.region = options.region;
  if (!options.provider.empty()) out.provider = policy::ProviderId(options.provider);
  out.is_verified = options.is_verified;
  return out;
}

}  // namespace

ExitCode run_check(Environment& environment, const std::string& db, const CheckOptions& options) {
  const auto known = circumstances(options);
  if (!known.ok()) return environment.fail(ExitCode::kUsage, std::string(known.status().message()));
  absl::Time at = environment.now;
  if (!options.at.empty() && !absl::ParseTime(absl::RFC3339_full, options.at, &at, nullptr)) {
    return environment.fail(
        ExitCode::kUsage,
        fmt::format("--at {}: not a time such as 2026-09-21T08:00:00Z", options.at));
  }
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  const auto actor = store->find_named(*find_kind("actor"), options.actor);
  const auto resource = store->find_named(*find_kind("resource"), options.resource);
  if (absl::Status status = store->database().take_status(); !status.ok()) {
    return environment.fail(status);
  }
  if (!actor || !resource) {
    return environment.fail(ExitCode::kNotFound,
                            actor ? fmt::format("no resource \"{}\"", options.resource)
                                  : fmt::format("no actor \"{}\"", options.actor));
  }
  const auto rules = load_rules(*store, at);
  if (!rules.ok()) return environment.fail(rules.status());
  const Decision decision = policy::decide(
      rules->directory,
      {.actor = policy::ActorId(actor->at("id").get<std::string>()), .circumstances = *known},
      ResourceId(resource->at("id").get<std::string>()), at, rules->zones);
  environment.out += options.is_json ? to_json(decision, *actor, *resource, at).dump(2) + "\n"
                                     : decision.explanation + "\n";
  return decision.is_allowed() ? ExitCode::kDone : ExitCode::kDenied;
}

}  // namespace connlib::portald
