#pragma once

#include <string>

#include "connlib/base/strong.h"

namespace connlib::policy {

// Identities of what an operator administers: opaque text, compared byte for byte.
using ActorId = Strong<struct ActorIdTag, std::string>;
using GroupId = Strong<struct GroupIdTag, std::string>;
using PolicyId = Strong<struct PolicyIdTag, std::string>;
using ProviderId = Strong<struct ProviderIdTag, std::string>;  // Of sign-ins.

}  // namespace connlib::policy
