#pragma once

#include <optional>
#include <string>
#include <variant>

#include "connlib/base/secret.h"
#include "connlib/base/strong.h"
#include "connlib/model/ids.h"
#include "connlib/policy/ids.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/interface_config.h"

namespace connlib::portal::server {

// DeviceId is the id of a client or a gateway: a UUID.
using DeviceId = Strong<struct DeviceIdTag, std::string>;
inline DeviceId device_id(const ClientId& client) { return DeviceId(client.value()); }
inline DeviceId device_id(const GatewayId& gateway) { return DeviceId(gateway.value()); }

// DeviceOwner is whose a device is, and so what it is: an actor owns clients, a site gateways.
using DeviceOwner = std::variant<policy::ActorId, SiteId>;

// DeviceRow is what is remembered of a device for good: it comes back with the same owner and
// external id and finds the same id, addresses and keys (spec portal-protocol 1.5, 2.1).
struct DeviceRow {
  DeviceId id;
  DeviceOwner owner;
  std::string external_id;
  std::string name;
  TunnelAddresses addresses;
  Secret<32> psk_base;       // Random. Never sent.
  bool is_verified = false;  // An administrator trusts it.
  Login::Hardware hardware{};

  bool is_client() const { return std::holds_alternative<policy::ActorId>(owner); }
  DeviceRow clone() const {
    return {id, owner, external_id, name, addresses, psk_base.clone(), is_verified, hardware};
  }
};

}  // namespace connlib::portal::server
