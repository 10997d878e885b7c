#include "connlib/policy/decision.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace connlib::policy {
namespace {

std::string quoted(const std::string& name, const std::string& id) {
  return fmt::format("\"{}\"", name.empty() ? id : name);
}

std::string name_of(const Policy& policy) { return quoted(policy.description, policy.id.value()); }

// Not given means without end, so it is later than all.
absl::Time end_of(std::optional<absl::Time> time) { return time.value_or(absl::InfiniteFuture()); }

std::optional<absl::Time> as_end(absl::Time time) {
  return time == absl::InfiniteFuture() ? std::nullopt : std::optional(time);
}

// What became of all conditions of one policy.
struct Assessment {
  bool is_met = true;
  absl::Time ends_at = absl::InfiniteFuture();  // Of a met one.
  std::vector<Property> violated;
  std::string reason;                  // Of the first that is violated.
  bool is_only_time = true;            // Nothing but time is in the way,
  std::optional<absl::Time> opens_at;  // which passes.
};

Assessment assess(const Policy& policy, const Subject& subject, absl::Time now,
                  const Zones& zones) {
  Assessment out;
  for (const Condition& condition : policy.conditions) {
    const Finding finding = check(condition, subject.circumstances, now, zones);
    const Property property = property_of(condition);
    if (finding.is_met) {
      out.ends_at = std::min(out.ends_at, end_of(finding.changes_at));
      continue;
    }
    if (out.is_met) out.reason = finding.reason;
    out.is_met = false;
    out.violated.push_back(property);
    out.is_only_time = out.is_only_time && property == Property::kTime;
    if (property == Property::kTime) out.opens_at = finding.changes_at;
  }
  return out;
}

// The policies that concern a subject, with the groups through which they do.
std::vector<std::pair<const Policy*, const Group*>> granting(const Directory& directory,
                                                             const Subject& subject,
                                                             const ResourceId& resource) {
  std::vector<std::pair<const Policy*, const Group*>> out;
  for (const Policy* policy : directory.policies_of(resource)) {
    const Group* group = directory.find_group(policy->group);
    if (policy->is_disabled || group == nullptr) continue;
    if (directory.is_member(*group, subject.actor)) out.emplace_back(policy, group);
  }
  return out;
}

Decision denied(Decision::Verdict verdict, std::string_view why) {
  Decision out;
  out.verdict = verdict;
  out.explanation = fmt::format("denied: {}", why);
  return out;
}

std::optional<Decision> refuse_subject(const Directory& directory, const Subject& subject,
                                       absl::Time now) {
  const Actor* actor = directory.find_actor(subject.actor);
  if (actor == nullptr) {
    return denied(Decision::Verdict::kNotFound,
                  fmt::format("no actor \"{}\"", subject.actor.value()));
  }
  if (actor->is_disabled) {
    return denied(Decision::Verdict::kDisabled,
                  fmt::format("actor {} is disabled", quoted(actor->name, actor->id.value())));
  }
  if (end_of(subject.session_ends_at) <= now) {
    return denied(Decision::Verdict::kExpired, "the session has ended");
  }
  return std::nullopt;
}

Decision allowed(const Policy& policy, const Group& group, absl::Time policy_ends_at,
                 const Subject& subject) {
  const absl::Time session_ends_at = end_of(subject.session_ends_at);
  Decision out;
  out.verdict = Decision::Verdict::kAllowed;
  out.policy = policy.id;
  out.group = group.id;
  out.expires_at = as_end(std::min(policy_ends_at, session_ends_at));
  out.explanation = fmt::format("allowed by policy {} through group {}", name_of(policy),
                                quoted(group.name, group.id.value()));
  if (out.expires_at) {
    out.explanation +=
        fmt::format(" until {}, when {}",
                    absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *out.expires_at, absl::UTCTimeZone()),
                    policy_ends_at < session_ends_at ? "its hours end" : "the session ends");
  }
  return out;
}

// One sentence per policy that would have granted it.
Decision forbidden(const std::vector<std::pair<const Policy*, Assessment>>& unmet) {
  Decision out;
  out.verdict = Decision::Verdict::kForbidden;
  std::set<Property> violated;
  absl::Time opens_at = absl::InfiniteFuture();
  for (const auto& [policy, assessment] : unmet) {
    out.explanation += fmt::format("{}{} (policy {})", out.explanation.empty() ? "denied: " : "; ",
                                   assessment.reason, name_of(*policy));
    violated.insert(assessment.violated.begin(), assessment.violated.end());
    if (assessment.is_only_time) opens_at = std::min(opens_at, end_of(assessment.opens_at));
  }
  out.violated.assign(violated.begin(), violated.end());
  out.retry_at = as_end(opens_at);
  return out;
}

}  // namespace

Decision decide(const Directory& directory, const Subject& subject, const ResourceId& resource,
                absl::Time now, const Zones& zones) {
  if (auto refused = refuse_subject(directory, subject, now)) return *std::move(refused);
  if (directory.find_resource(resource) == nullptr) {
    return denied(Decision::Verdict::kNotFound,
                  fmt::format("no resource \"{}\"", resource.value()));
  }
  const auto policies = granting(directory, subject, resource);
  if (policies.empty()) {
    return denied(Decision::Verdict::kNotFound, "no policy grants it to a group of the actor");
  }
  std::vector<std::pair<const Policy*, Assessment>> unmet;
  std::optional<Decision> best;
  absl::Time best_end;
  for (const auto& [policy, group] : policies) {
    Assessment assessment = assess(*policy, subject, now, zones);
    if (!assessment.is_met) {
      unmet.emplace_back(policy, std::move(assessment));
    } else if (!best || assessment.ends_at > best_end) {
      best_end = assessment.ends_at;
      best = allowed(*policy, *group, assessment.ends_at, subject);
    }
  }
  return best ? *std::move(best) : forbidden(unmet);
}

std::map<ResourceId, Decision> reachable(const Directory& directory, const Subject& subject,
                                         absl::Time now, const Zones& zones) {
  std::map<ResourceId, Decision> out;
  for (const auto& [id, resource] : directory.resources()) {
    Decision decision = decide(directory, subject, id, now, zones);
    if (decision.is_allowed()) out.emplace(id, std::move(decision));
  }
  return out;
}

std::optional<absl::Time> next_change(const Directory& directory, const Subject& subject,
                                      absl::Time now, const Zones& zones) {
  if (refuse_subject(directory, subject, now)) return std::nullopt;
  absl::Time next = end_of(subject.session_ends_at);
  for (const auto& [id, resource] : directory.resources()) {
    const Decision decision = decide(directory, subject, id, now, zones);
    const auto changes_at = decision.is_allowed() ? decision.expires_at : decision.retry_at;
    next = std::min(next, end_of(changes_at));
  }
  return as_end(next);
}

}  // namespace connlib::policy
