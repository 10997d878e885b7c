#pragma once

#include "connlib/base/timestamp.h"

namespace connlib::testing {

// kStart is when the virtual clock of a test begins: at an odd hour, never at zero.
inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);

}  // namespace connlib::testing
