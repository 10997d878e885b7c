#include "connlib/gateway/grant_clock.h"

#include <limits>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::gateway {
namespace {

using testing::kStart;

const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);

TEST_CASE("a date of expiry becomes an instant of our clock") {
  const Timestamp now = kStart + 72h;
  const absl::Duration countable = absl::Nanoseconds(std::numeric_limits<int64_t>::max());
  const auto [what, date,
              expected] = GENERATE_COPY(table<const char*, std::optional<absl::Time>, Timestamp>({
      {"in an hour", kDate + absl::Hours(1), kStart + 1h},
      {"the moment we started", kDate, kStart},
      {"a second before", kDate - absl::Seconds(1), kStart},
      {"the epoch", absl::UnixEpoch(), kStart},
      {"before any date", absl::InfinitePast(), kStart},
      {"the least a portal can write", absl::FromUnixSeconds(std::numeric_limits<int64_t>::min()),
       kStart},
      {"in a hundred years", kDate + absl::Hours(24 * 36'525), kStart + 24h * 36'525},
      {"just within what our clock counts",
       kDate + countable - absl::Nanoseconds(kStart.to_nanoseconds() + 1),
       Timestamp::from_nanoseconds(std::numeric_limits<int64_t>::max() - 1)},
      {"just beyond", kDate + countable - absl::Nanoseconds(kStart.to_nanoseconds()), now + 24h},
      {"far beyond", kDate + 3 * countable, now + 24h},
      {"the most a portal can write", absl::FromUnixSeconds(std::numeric_limits<int64_t>::max()),
       now + 24h},
      {"the end of time", absl::InfiniteFuture(), now + 24h},
      {"null", std::nullopt, Timestamp::never()},
  }));
  CAPTURE(what);
  CHECK(GrantClock(kStart, kDate).instant_of(date, now) == expected);
}

TEST_CASE("a fraction of a second at the start is not lost") {
  const GrantClock clock(kStart, kDate + absl::Milliseconds(250));
  CHECK(clock.instant_of(kDate + absl::Seconds(1), kStart) == kStart + 750ms);
}

}  // namespace
}  // namespace connlib::gateway
