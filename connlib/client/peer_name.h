#pragma once

#include <string>
#include <variant>

#include "connlib/model/ids.h"

namespace connlib::client {

// PeerName is who is at the other end of a connection: a gateway, or another client.
using PeerName = std::variant<GatewayId, ClientId>;

// PeerNameLess orders names, gateways first. It finds a gateway by its id alone: packets ask, and a
// PeerName would copy it.
struct PeerNameLess {
  using is_transparent = void;
  bool operator()(const PeerName& a, const PeerName& b) const { return a < b; }
  bool operator()(const PeerName& a, const GatewayId& b) const {
    const auto* gateway = std::get_if<GatewayId>(&a);
    return gateway != nullptr && *gateway < b;
  }
  bool operator()(const GatewayId& a, const PeerName& b) const {
    const auto* gateway = std::get_if<GatewayId>(&b);
    return gateway == nullptr || a < *gateway;
  }
};

inline const std::string& to_text(const PeerName& name) {
  return std::visit([](const auto& id) -> const std::string& { return id.value(); }, name);
}

}  // namespace connlib::client
