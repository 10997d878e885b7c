#pragma once

#include <optional>
#include <string>
#include <variant>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/server/device_row.h"
#include "connlib/portal/server/grant_row.h"
#include "connlib/portal/server/token.h"

// What a shell shall write down, in the order in which it is told. Write first, send afterwards:
// what a peer was told must be known after a crash.
namespace connlib::portal::server {

struct DeviceAdded {
  DeviceRow row;
};
struct GrantStored {  // Replaces the row of the same key.
  GrantRow row;
};
struct GrantRemoved {  // Revoked or expired.
  GrantKey key;
};
// A token was used: by which device (none for relays), from where, with what.
struct PeerConnected {
  Role role = Role::kClient;
  TokenId token;
  std::optional<DeviceId> device;
  IpAddress source;
  std::string user_agent;
  absl::Time at;
};
struct PeerLeft {
  TokenId token;
  std::optional<DeviceId> device;
  absl::Time at;
};

using Record = std::variant<DeviceAdded, GrantStored, GrantRemoved, PeerConnected, PeerLeft>;

}  // namespace connlib::portal::server
