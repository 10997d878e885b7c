#pragma once

#include <optional>
#include <vector>

#include "connlib/portal/from_client.h"
#include "connlib/portal/from_gateway.h"
#include "connlib/portal/server/core.h"

namespace connlib::portal::server {

// Authorizer brings clients and gateways together, and apart (spec portal-protocol 6.2). Private.
//
//   request ─► policy ─► gateway choice ─► create_authorization ─► ready ─► authorization_created
//                                               └ GrantRow stored   └ not within 15 s ─► offline
class Authorizer {
 public:
  explicit Authorizer(Core& core) : core_(&core) {}

  void handle_request(Session& session, const RequestAuthorization& request);
  void handle_acknowledgement(Session& session, Ref ref, const AuthorizationAcknowledged& message);
  // The grants of a client live under the circumstances of its latest connection.
  void handle_client_connected(const TokenId& token, const ClientPeer& client);
  void handle_gateway_left(const GatewayId& gateway);
  void handle_timeout();

  // holds() says whether a grant would be given again now, for as long at least.
  bool holds(const GrantRow& row) const;

  // revoke() ends a grant before its time: the gateway is told, and the client if it waits for it.
  void revoke(const GrantKey& key);
  // The same for those of `rows` that hold no longer.
  void revoke_void(const std::vector<const GrantRow*>& rows);

 private:
  void fail(Session& client, const ResourceId& resource, FailureReason reason,
            std::vector<ViolatedProperty> violated = {});
  void fail(const PendingAuthorization& pending, FailureReason reason);
  policy::Choice choose(const ClientPeer& client, const Resource& resource,
                        const RequestAuthorization& request);
  void grant(Session& session, const Resource& resource, const policy::Decision& decision,
             Session& gateway);

  Core* core_;
};

}  // namespace connlib::portal::server
