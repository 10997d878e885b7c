#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/client_resource.h"
#include "connlib/portal/decoded.h"
#include "connlib/portal/interface_config.h"
#include "connlib/portal/reasons.h"
#include "connlib/portal/shared_messages.h"

// What the portal says to a client (spec portal-protocol 3), one struct per event.
namespace connlib::portal {

// `init` (3.1): the whole state, after every join.
struct ClientInit {
  InterfaceConfig interface;
  std::vector<ClientResource> resources;
  std::vector<RelayDescriptor> relays;
  std::vector<Grant> authorizations;  // Inbound, client to client.
  FlowLogConfig flow_logs;
  friend bool operator==(const ClientInit&, const ClientInit&) = default;
};

// `config_changed` (3.2).
struct ConfigChanged {
  InterfaceConfig interface;
  friend bool operator==(const ConfigChanged&, const ConfigChanged&) = default;
};

// `resource_created_or_updated`, `resource_deleted` (3.3).
struct ResourceUpserted {
  ClientResource resource;
  friend bool operator==(const ResourceUpserted&, const ResourceUpserted&) = default;
};
struct ResourceDeleted {
  ResourceId id;
  friend bool operator==(const ResourceDeleted&, const ResourceDeleted&) = default;
};

// `authorization_created` (3.6): how to reach the gateway that serves the resource.
struct AuthorizationCreated {
  ResourceId resource_id;
  GatewayId gateway_id;
  SiteId site_id;
  PublicKey gateway_public_key;
  TunnelAddresses gateway_addresses;
  Secret<32> preshared_key;
  IceCredentials client_ice;   // Ours.
  IceCredentials gateway_ice;  // Theirs.
  bool use_iceless = false;
  SecretText flow_logs_ingest_token;  // May be empty.
  friend bool operator==(const AuthorizationCreated&, const AuthorizationCreated&) = default;
};

// `authorization_creation_failed` (3.7).
struct AuthorizationFailed {
  ResourceId resource_id;
  FailureReason reason = FailureReason::Code::kUnknown;
  std::vector<ViolatedProperty> violated_properties;  // Of kForbidden.
  friend bool operator==(const AuthorizationFailed&, const AuthorizationFailed&) = default;
};

// `client_device_access_authorized` (3.11). The initiator has no `inbound`.
struct DeviceAccessAuthorized {
  // What the target grants to the initiator.
  struct Inbound {
    ResourceId resource_id;
    std::vector<Filter> filters;
    absl::Time expires_at;
    friend bool operator==(const Inbound&, const Inbound&) = default;
  };
  ClientId client_id;
  std::string client_name;
  PublicKey client_public_key;
  TunnelAddresses client_addresses;
  Secret<32> preshared_key;
  IceCredentials local_ice;
  IceCredentials remote_ice;
  IceRole ice_role = IceRole::kControlling;
  bool use_iceless = false;
  std::optional<Inbound> inbound;
  SecretText flow_logs_ingest_token;  // May be empty.
  friend bool operator==(const DeviceAccessAuthorized&, const DeviceAccessAuthorized&) = default;
};

// `client_device_access_denied`: for these addresses; also unasked, for both.
struct DeviceAccessDenied {
  FailureReason reason = FailureReason::Code::kUnknown;
  std::optional<ClientId> client_id;
  std::optional<Ipv4Address> ipv4;
  std::optional<Ipv6Address> ipv6;
  friend bool operator==(const DeviceAccessDenied&, const DeviceAccessDenied&) = default;
};

// `client_ice_candidate_error`: what we sent to that client did not arrive.
struct ClientCandidateError {
  ClientId client_id;
  FailureReason reason = FailureReason::Code::kUnknown;
  friend bool operator==(const ClientCandidateError&, const ClientCandidateError&) = default;
};

// `resource_filters_updated`: of a grant that is in use.
struct ResourceFiltersUpdated {
  ResourceId id;
  std::vector<Filter> filters;
  friend bool operator==(const ResourceFiltersUpdated&, const ResourceFiltersUpdated&) = default;
};

// `device_pool_domain_resolved`, `device_pool_domain_resolution_failed`.
struct DeviceDomainResolved {
  ResourceId resource_id;
  std::string domain;
  TunnelAddresses addresses;
  friend bool operator==(const DeviceDomainResolved&, const DeviceDomainResolved&) = default;
};
struct DeviceDomainFailed {
  ResourceId resource_id;
  std::string domain;
  FailureReason reason = FailureReason::Code::kUnknown;
  friend bool operator==(const DeviceDomainFailed&, const DeviceDomainFailed&) = default;
};

using ToClient =
    std::variant<ClientInit, ConfigChanged, ResourceUpserted, ResourceDeleted, RelaysPresence,
                 AuthorizationCreated, AuthorizationFailed, GatewayCandidates, ClientCandidates,
                 DeviceAccessAuthorized, DeviceAccessDenied, ClientCandidateError,
                 ResourceFiltersUpdated, RejectAccess, DeviceDomainResolved, DeviceDomainFailed,
                 AccessExpiryUpdated>;

Decoded<ToClient> decode_to_client(std::string_view event, JsonValue payload);
Encoded encode(const ToClient& message);

}  // namespace connlib::portal
