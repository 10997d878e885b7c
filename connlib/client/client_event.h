#pragma once

#include <cstdint>
#include <variant>

#include "connlib/client/resource_view.h"
#include "connlib/client/tun_config.h"
#include "connlib/model/ids.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/from_client.h"

namespace connlib::client {

// Something a user should be told, once per resource until it is granted.
struct Notice {
  enum class What : uint8_t { kAllGatewaysOffline, kVersionMismatch };
  What what{};
  ResourceId resource;
  friend bool operator==(const Notice&, const Notice&) = default;
};

// The portal must be dialled anew: with another key, or because a device was granted to us while no
// relay works, which only a fresh `init` mends.
struct ReconnectPortal {
  PublicKey key;
  friend bool operator==(const ReconnectPortal&, const ReconnectPortal&) = default;
};

// ClientEvent is what a shell acts on. poll_event() gives TUN configuration first, then the list of
// resources, then requests for authorization, then everything else (spec tunnel 0.3).
using ClientEvent =
    std::variant<TunConfig, ResourceReport, portal::FromClient, Notice, ReconnectPortal>;

}  // namespace connlib::client
