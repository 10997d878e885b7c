#include "shells/common/os_clock.h"

#include <ctime>

#include <absl/time/clock.h>

#include "connlib/base/check.h"

namespace connlib::shells {

Timestamp OsClock::now() {
  timespec ts{};
  CONNLIB_CHECK(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);
  return Timestamp::from_nanoseconds(int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec);
}

absl::Time OsClock::date() { return absl::Now(); }

}  // namespace connlib::shells
