#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "connlib/model/ids.h"
#include "connlib/portal/ice_parameters.h"
#include "connlib/portal/relay_descriptor.h"

// Values and messages that more than one channel, or both directions of one, have in common.
namespace connlib::portal {

// Grant is one live authorization whose responder is the receiver (spec portal-protocol 2.10).
struct Grant {
  ClientId client_id;
  ResourceId resource_id;
  absl::Time expires_at;
  friend bool operator==(const Grant&, const Grant&) = default;
};

// FlowLogConfig says where flow logs go and how often; an interval of 0 means never, as does the
// default (spec 2.9).
struct FlowLogConfig {
  std::string api_url;
  std::chrono::seconds upload_interval{0};
  uint64_t upload_batch_size = 0;
  friend bool operator==(const FlowLogConfig&, const FlowLogConfig&) = default;
};

// `relays_presence` (3.4): stop using some relays, use the others. To clients and gateways.
struct RelaysPresence {
  std::vector<RelayId> disconnected_ids;
  std::vector<RelayDescriptor> connected;
  friend bool operator==(const RelaysPresence&, const RelaysPresence&) = default;
};

// `reject_access` (4.5): a grant ended before its time. To gateways, and to clients as responders.
struct RejectAccess {
  ClientId client_id;
  ResourceId resource_id;
  friend bool operator==(const RejectAccess&, const RejectAccess&) = default;
};

// `access_authorization_expiry_updated`: read and ignored; portals no longer send it.
struct AccessExpiryUpdated {
  Grant grant;
  friend bool operator==(const AccessExpiryUpdated&, const AccessExpiryUpdated&) = default;
};

// `no_relays` (3.9): "none of mine works". From clients and gateways.
struct NoRelays {
  friend bool operator==(const NoRelays&, const NoRelays&) = default;
};

// `set_snownet_capabilities` (2.8): the first message after every join.
struct SnownetCapabilities {
  bool iceless = false;
  friend bool operator==(const SnownetCapabilities&, const SnownetCapabilities&) = default;
};

// Candidates of or for one gateway (3.8). Towards the portal the id is the addressee, from the
// portal it is the origin; the event's name differs.
struct GatewayCandidates {
  CandidateChange change = CandidateChange::kAdded;
  GatewayId gateway_id;
  std::vector<CandidateLine> candidates;
  friend bool operator==(const GatewayCandidates&, const GatewayCandidates&) = default;
};

// The same for one client: to and from clients (3.11), to gateways (4.4).
struct ClientCandidates {
  CandidateChange change = CandidateChange::kAdded;
  ClientId client_id;
  std::vector<CandidateLine> candidates;
  friend bool operator==(const ClientCandidates&, const ClientCandidates&) = default;
};

}  // namespace connlib::portal
