#pragma once

#include <cstdint>

#include "connlib/base/strong.h"

namespace connlib::portal::server {

// SessionId tells one WebSocket of the portal from all others; none is used twice.
using SessionId = Strong<struct SessionIdTag, uint64_t>;

}  // namespace connlib::portal::server
