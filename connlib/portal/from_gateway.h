#pragma once

#include <string>
#include <variant>
#include <vector>

#include "connlib/portal/decoded.h"
#include "connlib/portal/shared_messages.h"

// What a gateway says to the portal (spec portal-protocol 4), one struct per event.
namespace connlib::portal {

// `authorization_created` (4.3): the gateway is ready for the client.
struct AuthorizationAcknowledged {
  std::string ref;
  friend bool operator==(const AuthorizationAcknowledged&,
                         const AuthorizationAcknowledged&) = default;
};

// `broadcast_ice_candidates`, `broadcast_invalidated_ice_candidates` (4.4).
struct BroadcastCandidates {
  CandidateChange change = CandidateChange::kAdded;
  std::vector<ClientId> client_ids;
  std::vector<CandidateLine> candidates;
  friend bool operator==(const BroadcastCandidates&, const BroadcastCandidates&) = default;
};

using FromGateway =
    std::variant<SnownetCapabilities, AuthorizationAcknowledged, BroadcastCandidates, NoRelays>;

Decoded<FromGateway> decode_from_gateway(std::string_view event, JsonValue payload);
Encoded encode(const FromGateway& message);

}  // namespace connlib::portal
