#pragma once

#include <string>

#include "connlib/portal/server/core.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"

// Deal is one authorization about to be made, and the messages that it becomes. Private.
namespace connlib::portal::server {

struct Deal {
  const ClientPeer& client;
  const GatewayPeer& gateway;
  const DeviceRow& client_device;
  const DeviceRow& gateway_device;
  const Resource& resource;
  const GrantRow& grant;
};

// For fixed keys of both ends these carry the same secrets whatever the resource, so that a second
// resource needs no second connection (spec portal-protocol 6.1).
AuthorizationCreated message_for_client(const Core& core, const Deal& deal);
CreateAuthorization message_for_gateway(const Core& core, const Deal& deal, std::string ref);

}  // namespace connlib::portal::server
