#pragma once

#include "connlib/portal/server/core.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"

// What peers are told when they have joined (spec portal-protocol 3.1, 4.1). Private.
namespace connlib::portal::server {

// For grants that never end, where the wire wants a date.
inline const absl::Time kFarFuture = absl::FromUnixSeconds(253402300799);  // End of 9999.

InterfaceConfig interface_of(const Core& core, const ClientPeer& client);

// make_client_init() also computes the client's view and picks its relays.
ClientInit make_client_init(Core& core, ClientPeer& client);
GatewayInit make_gateway_init(Core& core, GatewayPeer& gateway);

// push_view() tells a client how its list changed; `edited` are resources that are others now.
void push_view(Core& core, Session& session, const std::set<ResourceId>& edited);

}  // namespace connlib::portal::server
