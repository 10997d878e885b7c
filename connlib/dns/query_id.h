#pragma once

#include <cstdint>

#include "connlib/base/strong.h"

namespace connlib::dns {

// QueryId names one question of one application from intake to answer. Ids on the wire will not do:
// applications and servers choose the same ones.
using QueryId = Strong<struct QueryIdTag, uint64_t>;

}  // namespace connlib::dns
