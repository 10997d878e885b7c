#pragma once

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "connlib/model/filter.h"
#include "connlib/policy/condition.h"
#include "shells/portal/store/json.h"
#include "shells/portal/store/problem.h"

namespace connlib::portald {

// parse_filter() reads "icmp", "tcp", "udp/53", "tcp/8000-8100".
absl::StatusOr<Filter> parse_filter(const std::string& text);

// parse_conditions() reads what the member "conditions" of a policy holds:
//
//   {"remote_ip": {"in": ["10.0.0.0/8"]}, "remote_ip_location_region": {"not_in": ["XX"]},
//    "auth_provider_id": {"in": ["…"]}, "client_verified": true,
//    "current_utc_datetime": ["M/08:00-12:00,13-17:30/Europe/Berlin"]}
//
// The refusal's pointer begins at `document`.
struct Conditions {
  std::vector<policy::Condition> list;
  Refusal refusal;
};
Conditions parse_conditions(const Json& document);

// The time zones that the conditions name.
std::vector<std::string> zones_of(const std::vector<policy::Condition>& conditions);

}  // namespace connlib::portald
