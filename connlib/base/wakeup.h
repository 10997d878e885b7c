#pragma once

#include "connlib/base/timestamp.h"

namespace connlib {

// Wakeup is when a machine next wants handle_timeout(), and why; `reason` is a string literal.
struct Wakeup {
  Timestamp at = Timestamp::never();
  const char* reason = "idle";

  static constexpr Wakeup none() { return {}; }

  // The earlier of two wakeups; the left one on a tie.
  friend constexpr Wakeup earliest(Wakeup a, Wakeup b) { return b.at < a.at ? b : a; }
};

}  // namespace connlib
