#include "connlib/routing/timing_wheel.h"

#include <algorithm>
#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/start_time.h"

namespace connlib::routing {
namespace {

using testing::kStart;

std::vector<uint32_t> pop_all(TimingWheel& wheel, Timestamp now) {
  std::vector<uint32_t> out;
  while (const auto id = wheel.pop_due(now)) out.push_back(*id);
  return out;
}

// SlowWheel is the obvious model: all deadlines in a map, rounded up to whole ticks.
class SlowWheel {
 public:
  explicit SlowWheel(Duration tick) : tick_(tick) {}
  void set(uint32_t id, Timestamp at) {
    at_.erase(id);
    if (!at.is_never()) at_[id] = rounded(at);
  }
  void clear(uint32_t id) { at_.erase(id); }
  Timestamp next_at() const {
    Timestamp first = Timestamp::never();
    for (const auto& [id, at] : at_) first = std::min(first, at);
    return first;
  }
  // In no special order within a tick.
  std::vector<std::pair<Timestamp, uint32_t>> pop_all(Timestamp now) {
    std::vector<std::pair<Timestamp, uint32_t>> out;
    for (const auto& [id, at] : at_) {
      if (at <= now) out.emplace_back(at, id);
    }
    for (const auto& [at, id] : out) at_.erase(id);
    std::sort(out.begin(), out.end());
    return out;
  }
  Timestamp at(uint32_t id) const { return at_.at(id); }
  size_t size() const { return at_.size(); }

 private:
  Timestamp rounded(Timestamp at) const {
    if (at <= kStart) return kStart;
    return kStart + (at - kStart + tick_ - Duration(1)) / tick_ * tick_;
  }
  Duration tick_;
  std::map<uint32_t, Timestamp> at_;
};

Timestamp random_deadline(SeededRandom& random, Timestamp now) {
  switch (random.below(6)) {
    case 0:
      return now - Duration(1s) * static_cast<int64_t>(random.below(100));
    case 1:
      return now;
    case 2:
      return now + Duration(1ms) * static_cast<int64_t>(random.below(200'000));
    case 3:
      return now + Duration(1s) * static_cast<int64_t>(random.below(100'000));
    case 4:
      return now + Duration(1h) * static_cast<int64_t>(random.below(100'000));
    default:
      return random.below(20) == 0 ? Timestamp::never() : now + 7440s;
  }
}

}  // namespace

TEST_CASE("a deadline is due at the first tick that is not before it") {
  struct Row {
    const char* what;
    Duration deadline;
    Duration due;
  };
  const auto row = GENERATE(values<Row>({
      {"on a tick", 5s, 5s},
      {"between two", 4001ms, 5s},
      {"just behind one", 5s + Duration(1), 6s},
      {"on the second level", 64s, 64s},
      {"behind the second level", 4095s + 1ms, 4096s},
      {"two hours and four minutes", 7440s, 7440s},
      {"years", 100000h, 100000h},
  }));
  CAPTURE(row.what);
  TimingWheel wheel(1s, kStart);
  wheel.set(3, kStart + row.deadline);
  CHECK(wheel.next_at() <= kStart + row.due);
  CHECK(pop_all(wheel, kStart + row.due - Duration(1)).empty());
  CHECK(pop_all(wheel, kStart + row.due) == std::vector<uint32_t>{3});
  CHECK(wheel.empty());
  CHECK(wheel.next_at().is_never());
}

TEST_CASE("a deadline in the past is due at once, whatever the precision") {
  TimingWheel wheel(1h, kStart);
  wheel.set(1, kStart - 5s);
  CHECK(wheel.next_at() <= kStart);
  CHECK(pop_all(wheel, kStart) == std::vector<uint32_t>{1});
}

TEST_CASE("a deadline that moves is due once, at its last place") {
  TimingWheel wheel(1s, kStart);
  wheel.set(1, kStart + 10s);
  wheel.set(1, kStart + 1000s);
  wheel.set(1, kStart + 20s);
  CHECK(wheel.size() == 1);
  CHECK(pop_all(wheel, kStart + 19s).empty());
  CHECK(pop_all(wheel, kStart + 5000s) == std::vector<uint32_t>{1});
}

TEST_CASE("a cleared deadline is never due, and never() is no deadline") {
  TimingWheel wheel(1s, kStart);
  wheel.set(1, kStart + 10s);
  wheel.set(2, kStart + 10s);
  wheel.clear(1);
  wheel.clear(1);
  wheel.clear(77);
  wheel.set(2, Timestamp::never());
  CHECK(wheel.empty());
  CHECK(pop_all(wheel, kStart + 10h).empty());
  CHECK_FALSE(wheel.soonest().has_value());
}

TEST_CASE("entries of one tick are due in the order in which they were set") {
  TimingWheel wheel(1s, kStart);
  for (const uint32_t id : {4u, 2u, 9u}) wheel.set(id, kStart + 100s);
  wheel.set(7, kStart + 99s);
  CHECK(pop_all(wheel, kStart + 200s) == std::vector<uint32_t>{7, 4, 2, 9});
}

TEST_CASE("a wheel that slept for a year gives everything that came due, in order") {
  TimingWheel wheel(1s, kStart);
  for (uint32_t id = 0; id < 1000; ++id) wheel.set(id, kStart + Duration(37s) * int64_t{id});
  const auto due = pop_all(wheel, kStart + 8760h);
  CHECK(due.size() == 1000);
  CHECK(std::is_sorted(due.begin(), due.end()));
}

TEST_CASE("a new deadline after a long idle time is as precise as any") {
  TimingWheel wheel(1s, kStart);
  CHECK_FALSE(wheel.pop_due(kStart + 100h).has_value());
  wheel.set(1, kStart + 100h + 3s);
  CHECK(wheel.next_at() == kStart + 100h + 3s);
  CHECK_FALSE(wheel.pop_due(kStart + 100h + 2s).has_value());
  CHECK(wheel.pop_due(kStart + 100h + 3s) == 1);
}

TEST_CASE("the timing wheel agrees with the slow model on random input") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  const Duration tick = seed % 2 == 0 ? Duration(1s) : Duration(70ms);
  TimingWheel wheel(tick, kStart);
  SlowWheel model(tick);
  Timestamp now = kStart;
  for (int step = 0; step < 5000; ++step) {
    const auto id = static_cast<uint32_t>(random.below(200));
    const uint64_t action = random.below(10);
    if (action < 6) {
      const Timestamp at = random_deadline(random, now);
      wheel.set(id, at);
      model.set(id, at);
    } else if (action < 7) {
      wheel.clear(id);
      model.clear(id);
    } else {
      const Duration unit = random.below(20) == 0 ? Duration(1h) : Duration(100ms);
      now += unit * static_cast<int64_t>(random.below(100));
      const auto expected = model.pop_all(now);
      const auto due = pop_all(wheel, now);
      REQUIRE(due.size() == expected.size());
      std::vector<uint32_t> sorted = due;
      std::vector<uint32_t> ids;
      for (const auto& entry : expected) ids.push_back(entry.second);
      std::sort(sorted.begin(), sorted.end());
      std::sort(ids.begin(), ids.end());
      REQUIRE(sorted == ids);
      REQUIRE(wheel.next_at() > now);  // Truthful: no spin.
    }
    REQUIRE(wheel.size() == model.size());
    REQUIRE(wheel.next_at() <= std::max(model.next_at(), now));  // And never late.
    REQUIRE(wheel.soonest().has_value() == !wheel.empty());
  }
}

TEST_CASE("a sleeper that follows next_at() wakes seldom and never late") {
  SeededRandom random(5);
  TimingWheel wheel(1s, kStart);
  SlowWheel model(1s);
  for (uint32_t id = 0; id < 100; ++id) {
    const Timestamp at = kStart + Duration(1s) * static_cast<int64_t>(random.below(10'000'000));
    wheel.set(id, at);
    model.set(id, at);
  }
  int wakeups = 0;
  while (!wheel.empty()) {
    const Timestamp now = wheel.next_at();
    ++wakeups;
    for (const uint32_t id : pop_all(wheel, now)) CHECK(model.at(id) == now);
  }
  CHECK(wakeups <= 100 * 5);  // One per entry and level at most.
}

}  // namespace connlib::routing
