#pragma once

#include <optional>
#include <string>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/base/secret_text.h"
#include "connlib/model/ids.h"

namespace connlib::portal {

// RelayDescriptor is one relay and what it takes to use it. On the wire it is one entry per family,
// adjacent (spec portal-protocol 2.2).
struct RelayDescriptor {
  RelayId id;
  std::optional<SocketAddress> v4;  // One of the two at least.
  std::optional<SocketAddress> v6;
  std::string username;
  SecretText password;
  absl::Time expires_at;

  RelayDescriptor clone() const { return {id, v4, v6, username, password.clone(), expires_at}; }
  friend bool operator==(const RelayDescriptor&, const RelayDescriptor&) = default;
};

}  // namespace connlib::portal
