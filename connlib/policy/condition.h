#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/policy/ids.h"
#include "connlib/policy/weekly_times.h"
#include "connlib/policy/zone.h"

namespace connlib::policy {

// Circumstances are what is known about a connected client, besides who it is.
struct Circumstances {
  IpAddress source{};                    // Where its connection to the portal comes from.
  std::optional<std::string> region{};   // Of that address; none: nobody knows.
  std::optional<ProviderId> provider{};  // Who vouched for the user; none: a service account.
  bool is_verified = false;              // An administrator trusts the device.
};

// The kinds of condition (spec shells 7). Lists say "is one of", or with is_in false "is none of".
struct SourceCondition {
  bool is_in = true;
  std::vector<IpPrefix> networks;
  friend bool operator==(const SourceCondition&, const SourceCondition&) = default;
};
struct RegionCondition {
  bool is_in = true;
  std::vector<std::string> regions;
  friend bool operator==(const RegionCondition&, const RegionCondition&) = default;
};
struct ProviderCondition {
  bool is_in = true;
  std::vector<ProviderId> providers;
  friend bool operator==(const ProviderCondition&, const ProviderCondition&) = default;
};
struct VerifiedCondition {
  friend bool operator==(const VerifiedCondition&, const VerifiedCondition&) = default;
};
struct TimeCondition {
  WeeklyTimes times;
};

// Condition is one thing that must hold for a policy to grant anything.
using Condition = std::variant<SourceCondition, RegionCondition, ProviderCondition,
                               VerifiedCondition, TimeCondition>;

// Property is what a condition looks at; a policy has one condition of each at most.
enum class Property : uint8_t { kSource, kRegion, kProvider, kVerified, kTime };
Property property_of(const Condition& condition);

// Finding is what became of one condition.
struct Finding {
  bool is_met = false;
  // When that changes by itself: the end of open hours, or their beginning. None: never.
  std::optional<absl::Time> changes_at;
  std::string reason;  // Of a condition that is not met: "outside hours until 08:00".
};

// check() decides. What is not known (a region, a provider, a time zone) meets no condition, not
// even "is none of".
Finding check(const Condition& condition, const Circumstances& circumstances, absl::Time now,
              const Zones& zones);

}  // namespace connlib::policy
