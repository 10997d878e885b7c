#pragma once

#include <string_view>

#include "connlib/portal/from_gateway.h"
#include "connlib/portal/peer_channel.h"
#include "connlib/portal/to_gateway.h"

namespace connlib::portal {

// The channel of a gateway (spec portal-protocol 4).
struct GatewayTraits {
  using In = ToGateway;
  using Out = FromGateway;
  static constexpr Role kRole = Role::kGateway;

  static Decoded<In> decode(std::string_view event, JsonValue payload) {
    return decode_to_gateway(event, payload);
  }
};

using GatewayChannel = PeerChannel<GatewayTraits>;

}  // namespace connlib::portal
