#pragma once

#include <absl/time/time.h>

#include "connlib/base/timestamp.h"

namespace connlib::shells {

// OsClock reads the machine's monotonic clock, time asleep included (CLOCK_BOOTTIME): a session
// must expire while a laptop sleeps.
class OsClock {
 public:
  static Timestamp now();
  static absl::Time date();  // The wall clock, for one pair at start (wireguard::WallClock).
};

}  // namespace connlib::shells
