#pragma once

#include <string_view>

#include "connlib/portal/from_client.h"
#include "connlib/portal/peer_channel.h"
#include "connlib/portal/to_client.h"

namespace connlib::portal {

// The channel of a client (spec portal-protocol 3).
struct ClientTraits {
  using In = ToClient;
  using Out = FromClient;
  static constexpr Role kRole = Role::kClient;

  static Decoded<In> decode(std::string_view event, JsonValue payload) {
    return decode_to_client(event, payload);
  }
};

using ClientChannel = PeerChannel<ClientTraits>;

}  // namespace connlib::portal
