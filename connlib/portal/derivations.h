#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "connlib/base/secret.h"
#include "connlib/base/secret_text.h"
#include "connlib/model/ids.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/ice_parameters.h"

// What the portal derives instead of storing it (spec portal-protocol 6.1, 7). For fixed keys of
// both sides every grant of a pair carries the same secrets, whatever the resource; any new key
// gives entirely new ones.
namespace connlib::portal {

// Device is one side of a pair, as it is connected at the moment.
struct Device {
  std::string_view id;
  PublicKey public_key;
  const Secret<32>& psk_base;  // Random, stored with the device, never sent.
};

// The preshared key of WireGuard. Between clients it depends on who began.
Secret<32> derive_preshared_key(const Device& client, const Device& gateway);
Secret<32> derive_preshared_key_of_clients(const Device& initiator, const Device& responder);

struct IcePair {
  IceCredentials initiator;
  IceCredentials responder;
};
IcePair derive_ice_credentials(const Device& initiator, const Device& responder);

// A relay is who knows its secret: a restarted one is another one.
RelayId derive_relay_id(const SecretText& stamp_secret);

// RelayLogin is what a relay verifies without asking anybody. It changes with the peer's key, the
// expiry and the relay's secret, so reconnecting does not disturb an allocation.
struct RelayLogin {
  std::string username;  // "<expiry>:<salt>"
  SecretText password;
};
RelayLogin derive_relay_login(const PublicKey& of_peer, absl::Time expires_at,
                              const SecretText& stamp_secret);

// Gateways have no session that ends: 2038-01-01, when 32-bit clocks do.
inline const absl::Time kGatewayRelayLoginExpiry = absl::FromUnixSeconds(2145916800);

// The id by which the portal knows a device: a configured UUID is hashed, anything else stays.
std::string derive_external_id(std::string_view configured);

}  // namespace connlib::portal
