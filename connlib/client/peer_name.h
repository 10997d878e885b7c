#pragma once

#include <string>
#include <variant>

#include "connlib/model/ids.h"

namespace connlib::client {

// PeerName is who is at the other end of a connection: a gateway, or another client.
using PeerName = std::variant<GatewayId, ClientId>;

inline const std::string& to_text(const PeerName& name) {
  return std::visit([](const auto& id) -> const std::string& { return id.value(); }, name);
}

}  // namespace connlib::client
