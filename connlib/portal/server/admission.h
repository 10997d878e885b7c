#pragma once

#include <variant>

#include "connlib/portal/server/core.h"
#include "connlib/portal/server/upgrade_origin.h"
#include "connlib/portal/server/upgrade_request.h"

namespace connlib::portal::server {

// admit() decides whether a token and a request make a peer: the token's kind, its end, its actor,
// the device. A device that is new gets its row. Private.
std::variant<Peer, UpgradeRefusal> admit(Core& core, const UpgradeRequest& request,
                                         const Token& token, const UpgradeOrigin& origin);

}  // namespace connlib::portal::server
