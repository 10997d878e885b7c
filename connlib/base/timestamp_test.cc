#include "connlib/base/timestamp.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib {
namespace {

using connlib::testing::kStart;

TEST_CASE("never is later than everything and stays never") {
  CHECK(kStart < Timestamp::never());
  CHECK(Timestamp::never() + 1s == Timestamp::never());
  CHECK(Timestamp::never() - 1h == Timestamp::never());
  CHECK(Timestamp::never() - kStart == Duration::max());
}

TEST_CASE("arithmetic saturates instead of wrapping") {
  CHECK(kStart + Duration::max() == Timestamp::never());
  CHECK(Timestamp::from_nanoseconds(-5) + Duration::min() < Timestamp::from_nanoseconds(0));
}

TEST_CASE("durations print with a readable unit") {
  auto [duration, text] = GENERATE(table<Duration, const char*>({
      {0ns, "0ns"},
      {999ns, "999ns"},
      {1500us, "1.5ms"},
      {20ms, "20ms"},
      {-1500ms, "-1.5s"},
      {90s, "1.5min"},
      {3h, "3h"},
  }));
  CHECK(to_text(duration) == text);
}

}  // namespace
}  // namespace connlib
