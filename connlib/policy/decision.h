#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "connlib/policy/directory.h"

namespace connlib::policy {

// Subject is who asks, and from where.
struct Subject {
  ActorId actor;
  Circumstances circumstances{};
  std::optional<absl::Time> session_ends_at{};  // Of its token. None: never.
};

// Decision is whether somebody may use a resource now, and why.
struct Decision {
  enum class Verdict : uint8_t {
    kAllowed,
    kNotFound,   // Nothing grants it to them: they need not know that it exists.
    kForbidden,  // Something would, but for its conditions.
    kDisabled,   // The actor may do nothing.
    kExpired,    // The session ended.
  };
  Verdict verdict = Verdict::kNotFound;

  // Of an allowed one: what grants it, through which group, and until when. None: without end.
  std::optional<PolicyId> policy;
  std::optional<GroupId> group;
  std::optional<absl::Time> expires_at;

  // Of a forbidden one: what its policies look at in vain, and when the next may be content.
  std::vector<Property> violated;  // Ascending, each once.
  std::optional<absl::Time> retry_at;

  // For people: `allowed by policy "P" through group "G" until …`, `denied: outside hours until
  // 08:00 Europe/Berlin (policy "P")`.
  std::string explanation;

  bool is_allowed() const { return verdict == Verdict::kAllowed; }
};

// decide() asks every enabled policy that grants the resource to a group of the actor. Of several
// that do, the one that lasts longest counts (spec portal-protocol 6.2); of equals the lowest id.
Decision decide(const Directory& directory, const Subject& subject, const ResourceId& resource,
                absl::Time now, const Zones& zones);

// reachable() is all that `subject` may use now, each with its decision.
std::map<ResourceId, Decision> reachable(const Directory& directory, const Subject& subject,
                                         absl::Time now, const Zones& zones);

// next_change() is when reachable() may be another, if nothing but time goes by.
std::optional<absl::Time> next_change(const Directory& directory, const Subject& subject,
                                      absl::Time now, const Zones& zones);

}  // namespace connlib::policy
