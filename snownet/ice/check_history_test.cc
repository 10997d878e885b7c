#include "snownet/ice/check_history.h"

#include <initializer_list>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/start_time.h"

namespace connlib::snownet::ice {
namespace {

using connlib::testing::kStart;

CheckHistory::Attempt attempt(uint8_t number, Timestamp at) {
  return {at, {{number}}, Role::kControlling};
}

TEST_CASE("answers are told for the last eight attempts, in whatever order they come") {
  CheckHistory history;
  for (uint8_t i = 1; i <= 9; ++i) history.record(attempt(i, kStart), kServerDefaultTiming);
  CHECK(history.unanswered() == 9);
  CHECK(history.find({{1}}) == nullptr);
  for (const uint8_t i : std::initializer_list<uint8_t>{3, 2, 9}) {
    auto* found = history.find({{i}});
    REQUIRE(found != nullptr);
    history.note_answer(*found);
    CHECK(history.unanswered() == (i == 9 ? 0 : 6));
  }
}

TEST_CASE("of checks that are far apart three are remembered") {
  CheckHistory history;
  for (uint8_t i = 1; i <= 9; ++i) {
    history.record(attempt(i, kStart + 15s * i), kServerDefaultTiming);
  }
  CHECK(history.unanswered() == 9);
  CHECK(history.unanswered_since(kStart) == 3);
  CHECK(history.find({{6}}) == nullptr);
  CHECK(history.find({{7}}) != nullptr);
}

TEST_CASE("another timing set leaves the last three attempts and the counts that it allows") {
  CheckHistory history;
  for (uint8_t i = 1; i <= 8; ++i) history.record(attempt(i, kStart), kServerDefaultTiming);
  history.trim(kClientIdleTiming);
  CHECK(history.unanswered() == 4);
  CHECK(history.is_exhausted(kClientIdleTiming));
  CHECK(history.find({{5}}) == nullptr);
  CHECK(history.find({{6}}) != nullptr);
}

TEST_CASE("what came before the last answer is forgotten at the next attempt") {
  CheckHistory history;
  for (uint8_t i = 1; i <= 4; ++i) history.record(attempt(i, kStart), kClientDefaultTiming);
  history.note_answer(*history.find({{3}}));
  CHECK(history.find({{2}}) != nullptr);
  history.record(attempt(5, kStart), kClientDefaultTiming);
  CHECK(history.find({{2}}) == nullptr);
  CHECK(history.find({{3}})->is_answered);  // So that its duplicate is known as one.
  CHECK(history.unanswered() == 2);
}

// All attempts that a timing set allows, and nothing but counting.
class SlowHistory {
 public:
  void record(const CheckHistory::Attempt& attempt, const Timing& timing) {
    all_.push_back(attempt);
    trim(timing);
  }
  void trim(const Timing& timing) {
    while (all_.size() > timing.max_retransmits) all_.erase(all_.begin());
  }
  void answer(const stun::TransactionId& id) {
    for (auto& each : all_) each.is_answered = each.is_answered || each.id == id;
  }
  size_t unanswered() const {
    size_t count = 0;
    for (const auto& each : all_) count = each.is_answered ? 0 : count + 1;
    return count;
  }
  Timestamp next_at(const Timing& timing) const {
    const size_t missed = unanswered();
    const Timestamp last = all_.back().sent_at;
    const bool is_ailing =
        missed > 0 && last - all_[all_.size() - missed].sent_at > timing.max_rto / 2;
    return last + timing.delay(is_ailing ? missed : all_.size());
  }

 private:
  std::vector<CheckHistory::Attempt> all_;
};

TEST_CASE("it plans the next check as if it remembered every attempt") {
  const Timing sets[] = {kClientDefaultTiming, kClientIdleTiming, kServerDefaultTiming,
                         kServerIdleTiming};
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SeededRandom random(seed);
    CheckHistory history;
    SlowHistory slow;
    Timing timing = sets[random.below(4)];
    std::vector<CheckHistory::Attempt> late;
    Timestamp now = kStart;
    for (int step = 0; step < 200; ++step) {
      const auto next = stun::TransactionId::random(random);
      history.record({now, next, Role::kControlling}, timing);
      slow.record({now, next, Role::kControlling}, timing);
      late.push_back({now, next});
      while (late.size() > 3 || now - late[0].sent_at >= kAnswerMemory) late.erase(late.begin());
      const auto& answered = late[random.below(late.size())].id;
      if (random.below(8) < seed % 8) {
        if (auto* found = history.find(answered)) history.note_answer(*found);
        slow.answer(answered);
      }
      if (random.below(30) == 0) {
        timing = sets[random.below(4)];
        history.trim(timing);
        slow.trim(timing);
      }
      CAPTURE(seed, step);
      REQUIRE(history.unanswered() == slow.unanswered());
      REQUIRE(history.next_at(timing) == slow.next_at(timing));
      now = history.next_at(timing);
    }
  }
}

}  // namespace
}  // namespace connlib::snownet::ice
