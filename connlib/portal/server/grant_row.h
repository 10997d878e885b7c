#pragma once

#include <compare>
#include <optional>
#include <string>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/model/ids.h"
#include "connlib/policy/ids.h"
#include "connlib/portal/server/token.h"

namespace connlib::portal::server {

// GrantKey: of the grants of one client for one resource on one gateway the latest counts.
struct GrantKey {
  ClientId client;
  ResourceId resource;
  GatewayId gateway;
  friend auto operator<=>(const GrantKey&, const GrantKey&) = default;
};

// GrantRow is one authorization that a gateway was told about. Gateways drop whatever the portal
// does not list when they come back, so these rows must survive a restart of the portal.
struct GrantRow {
  GrantKey key;
  std::string id;  // A UUID, for logs.
  policy::PolicyId policy;
  TokenId token;                           // With which the client was signed in.
  std::optional<absl::Time> expires_at{};  // None: never.
  // Under these circumstances it was decided; whether it still holds can be asked at any time.
  IpAddress source{};
  std::optional<std::string> region{};
  std::optional<policy::ProviderId> provider{};
  std::optional<absl::Time> session_ends_at{};
  std::string route;  // route_of() its resource: another one is another resource.
  friend bool operator==(const GrantRow&, const GrantRow&) = default;
};

}  // namespace connlib::portal::server
