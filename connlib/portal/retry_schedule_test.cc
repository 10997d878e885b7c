#include "connlib/portal/retry_schedule.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::portal {
namespace {

TEST_CASE("a portal that never answered is asked once a second, fifteen times") {
  SeededRandom random(1);
  RetrySchedule schedule(std::nullopt, random);
  for (int i = 0; i < 15; ++i) CHECK(schedule.next() == Duration(1s));
  CHECK(schedule.next() == std::nullopt);
}

TEST_CASE("after a join, delays grow by half up to a minute, and jitter doubles them at most") {
  SeededRandom random(2);
  RetrySchedule schedule(std::nullopt, random);
  schedule.handle_joined();
  Duration delay = 500ms;
  bool has_jitter = false;
  for (int i = 0; i < 40; ++i) {
    const auto wait = schedule.next();
    REQUIRE(wait.has_value());
    CHECK(*wait >= delay);
    CHECK(*wait < 2 * delay);
    has_jitter = has_jitter || *wait != delay;
    delay = std::min(delay + delay / 2, Duration(60s));
  }
  CHECK(delay == Duration(60s));
  CHECK(has_jitter);
}

TEST_CASE("patience is counted in waiting, and every join or reconnect renews it") {
  SeededRandom random(3);
  RetrySchedule schedule(Duration(10s), random);
  schedule.handle_joined();
  Duration waited{0};
  while (const auto wait = schedule.next()) waited += *wait;
  CHECK(waited <= Duration(10s));
  CHECK(waited > Duration(2s));
  const bool joined = GENERATE(true, false);
  joined ? schedule.handle_joined() : schedule.reset();
  CHECK(schedule.next().value() < Duration(1s));
}

TEST_CASE("equal seeds give equal delays") {
  const auto delays = [](uint64_t seed) {
    SeededRandom random(seed);
    RetrySchedule schedule(std::nullopt, random);
    schedule.handle_joined();
    std::vector<Duration> out;
    for (int i = 0; i < 5; ++i) out.push_back(schedule.next().value());
    return out;
  };
  CHECK(delays(7) == delays(7));
  CHECK(delays(7) != delays(8));
}

}  // namespace
}  // namespace connlib::portal
