#include "connlib/policy/condition.h"

#include <algorithm>

#include <fmt/format.h>

namespace connlib::policy {
namespace {

class Checker {
 public:
  Checker(const Circumstances& circumstances, absl::Time now, const Zones& zones)
      : circumstances_(&circumstances), now_(now), zones_(&zones) {}

  Finding operator()(const SourceCondition& condition) const {
    // A v4 address in v6 clothes is the v4 address that networks are written for.
    const IpAddress source = circumstances_->source.unmapped();
    const bool is_listed =
        std::any_of(condition.networks.begin(), condition.networks.end(),
                    [&](const IpPrefix& network) { return network.contains(source); });
    if (is_listed == condition.is_in) return {.is_met = true, .changes_at = {}, .reason = {}};
    return unmet(fmt::format("source address {} is {}", to_text(source),
                             condition.is_in ? "in no permitted network" : "in a refused network"));
  }

  Finding operator()(const RegionCondition& condition) const {
    return listed(circumstances_->region, condition.regions, condition.is_in, "region");
  }

  Finding operator()(const ProviderCondition& condition) const {
    return listed(circumstances_->provider, condition.providers, condition.is_in,
                  "sign-in provider");
  }

  Finding operator()(const VerifiedCondition&) const {
    if (circumstances_->is_verified) return {.is_met = true, .changes_at = {}, .reason = {}};
    return unmet("the device is not verified");
  }

  Finding operator()(const TimeCondition& condition) const {
    Finding out{.is_met = condition.times.is_open(now_, *zones_),
                .changes_at = condition.times.next_change(now_, *zones_),
                .reason = {}};
    if (!out.is_met) out.reason = outside(condition.times, out.changes_at);
    return out;
  }

 private:
  static Finding unmet(std::string reason) {
    return {.is_met = false, .changes_at = {}, .reason = std::move(reason)};
  }

  template <typename Value>
  static Finding listed(const std::optional<Value>& value, const std::vector<Value>& list,
                        bool is_in, std::string_view what) {
    if (!value) return unmet(fmt::format("{} is not known", what));
    const bool is_listed = std::find(list.begin(), list.end(), *value) != list.end();
    if (is_listed == is_in) return {.is_met = true, .changes_at = {}, .reason = {}};
    return unmet(fmt::format("{} is {}", what, is_in ? "not permitted" : "refused"));
  }

  std::string outside(const WeeklyTimes& times, std::optional<absl::Time> opens_at) const {
    if (!opens_at) return "outside hours, and they never come";
    const std::string_view name = times.zone_open_at(*opens_at, *zones_);
    const Zone* zone = zones_->find(name);
    if (zone == nullptr) return "outside hours";
    return fmt::format("outside hours until {} {}",
                       short_text(local_time(*opens_at, *zone), local_time(now_, *zone)), name);
  }

  const Circumstances* circumstances_;
  absl::Time now_;
  const Zones* zones_;
};

}  // namespace

Property property_of(const Condition& condition) {
  static_assert(std::variant_size_v<Condition> == 5, "Property lists them in the same order");
  return static_cast<Property>(condition.index());
}

Finding check(const Condition& condition, const Circumstances& circumstances, absl::Time now,
              const Zones& zones) {
  return std::visit(Checker(circumstances, now, zones), condition);
}

}  // namespace connlib::policy
