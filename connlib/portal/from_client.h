#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/portal/decoded.h"
#include "connlib/portal/shared_messages.h"

// What a client says to the portal (spec portal-protocol 3), one struct per event.
namespace connlib::portal {

// `request_authorization` (3.5).
struct RequestAuthorization {
  ResourceId resource_id;
  std::vector<GatewayId> connected_gateway_ids;  // Preferred first.
  std::optional<IpAddress> device;               // Of device pools only.
  friend bool operator==(const RequestAuthorization&, const RequestAuthorization&) = default;
};

// `resolve_device_pool_domain` (3.11).
struct ResolveDeviceDomain {
  ResourceId resource_id;
  std::string domain;
  friend bool operator==(const ResolveDeviceDomain&, const ResolveDeviceDomain&) = default;
};

using FromClient = std::variant<SnownetCapabilities, RequestAuthorization, GatewayCandidates,
                                ClientCandidates, NoRelays, ResolveDeviceDomain>;

Decoded<FromClient> decode_from_client(std::string_view event, JsonValue payload);
Encoded encode(const FromClient& message);

}  // namespace connlib::portal
