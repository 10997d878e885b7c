#include "connlib/base/timer_table.h"

#include <string>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib {
namespace {

enum class Timer : uint8_t { kRefresh, kExpire, kCount };
const char* timer_name(Timer timer) { return timer == Timer::kRefresh ? "refresh" : "expire"; }

using connlib::testing::kStart;

TEST_CASE("the earliest deadline wins and says why") {
  TimerTable<Timer> timers;
  CHECK(timers.next().at.is_never());
  timers.set(Timer::kExpire, kStart + 5s);
  timers.set(Timer::kRefresh, kStart + 9s);
  CHECK(timers.next().at == kStart + 5s);
  CHECK(std::string(timers.next().reason) == "expire");
  timers.set(Timer::kRefresh, kStart + 5s);
  CHECK(std::string(timers.next().reason) == "refresh");
}

TEST_CASE("a due timer is taken once, and not before its time") {
  TimerTable<Timer> timers;
  timers.set(Timer::kRefresh, kStart);
  CHECK_FALSE(timers.take_due(Timer::kRefresh, kStart - 1ns));
  CHECK(timers.take_due(Timer::kRefresh, kStart));
  CHECK_FALSE(timers.take_due(Timer::kRefresh, kStart + 1h));
  timers.set(Timer::kRefresh, kStart);
  timers.clear_all();
  CHECK_FALSE(timers.is_set(Timer::kRefresh));
}

}  // namespace
}  // namespace connlib
