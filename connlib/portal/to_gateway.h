#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"
#include "connlib/model/resource.h"
#include "connlib/portal/decoded.h"
#include "connlib/portal/interface_config.h"
#include "connlib/portal/shared_messages.h"

// What the portal says to a gateway (spec portal-protocol 4), one struct per event.
namespace connlib::portal {

// `init` (4.1). `authorizations` is complete: what is not listed is revoked.
struct GatewayInit {
  TunnelAddresses interface;
  bool ipv4_masquerade_enabled = true;
  bool ipv6_masquerade_enabled = true;
  std::vector<RelayDescriptor> relays;
  std::vector<Grant> authorizations;
  std::optional<std::string> account_slug;
  FlowLogConfig flow_logs;
  friend bool operator==(const GatewayInit&, const GatewayInit&) = default;
};

// What a gateway is told about the device of a client, for people to read.
struct DeviceDescription {
  std::optional<std::string> version;
  std::optional<std::string> os_name;
  std::optional<std::string> os_version;
  std::optional<std::string> serial;
  std::optional<std::string> uuid;
  std::optional<std::string> identifier_for_vendor;
  std::optional<std::string> firebase_installation_id;
  friend bool operator==(const DeviceDescription&, const DeviceDescription&) = default;
};

// Who asked, for people to read.
struct Subject {
  std::optional<std::string> actor_id;
  std::optional<std::string> actor_name;
  std::optional<std::string> actor_email;
  std::optional<std::string> actor_type;
  std::optional<std::string> auth_provider_id;
  std::optional<std::string> ip;
  std::optional<std::string> user_agent;
  friend bool operator==(const Subject&, const Subject&) = default;
};

// `create_authorization` (4.2). Of the resource there are no sites.
struct CreateAuthorization {
  struct Client {
    ClientId id;
    PublicKey public_key;
    Secret<32> preshared_key;
    TunnelAddresses addresses;
    DeviceDescription device;
    friend bool operator==(const Client&, const Client&) = default;
  };
  std::string ref;  // Returned as it came, in AuthorizationAcknowledged.
  Resource resource;
  Client client;
  IceCredentials client_ice;             // Theirs.
  IceCredentials gateway_ice;            // Ours.
  std::optional<absl::Time> expires_at;  // None: never.
  bool use_iceless = false;
  SecretText flow_logs_ingest_token;  // May be empty.
  std::optional<Subject> subject;
  friend bool operator==(const CreateAuthorization&, const CreateAuthorization&) = default;
};

// `resource_updated` (4.6): other filters.
struct GatewayResourceUpdated {
  Resource resource;
  friend bool operator==(const GatewayResourceUpdated&, const GatewayResourceUpdated&) = default;
};

using ToGateway = std::variant<GatewayInit, CreateAuthorization, ClientCandidates, RelaysPresence,
                               RejectAccess, GatewayResourceUpdated, AccessExpiryUpdated>;

Decoded<ToGateway> decode_to_gateway(std::string_view event, JsonValue payload);
Encoded encode(const ToGateway& message);

}  // namespace connlib::portal
