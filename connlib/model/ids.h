#pragma once

#include <string>

#include "connlib/base/strong.h"

namespace connlib {

// Identities the portal hands out: opaque text (UUIDs by habit), compared byte for byte.
using ClientId = Strong<struct ClientIdTag, std::string>;
using GatewayId = Strong<struct GatewayIdTag, std::string>;
using ResourceId = Strong<struct ResourceIdTag, std::string>;
using RelayId = Strong<struct RelayIdTag, std::string>;
using SiteId = Strong<struct SiteIdTag, std::string>;

}  // namespace connlib
