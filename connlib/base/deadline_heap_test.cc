#include "connlib/base/deadline_heap.h"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"

namespace connlib {
namespace {

TEST_CASE("the deadline heap agrees with a sorted list on random changes") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{21}));
  CAPTURE(seed);
  SeededRandom random(seed);
  DeadlineHeap heap;
  std::map<uint32_t, Timestamp> model;
  for (int step = 0; step < 2000; ++step) {
    const auto id = static_cast<uint32_t>(random.below(40));
    if (random.below(4) == 0) {
      heap.set(id, Timestamp::never());
      model.erase(id);
    } else {
      const auto at = Timestamp::from_nanoseconds(static_cast<int64_t>(random.below(100)));
      heap.set(id, at);
      model[id] = at;
    }
    const auto first =
        std::min_element(model.begin(), model.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    REQUIRE(heap.empty() == model.empty());
    REQUIRE(heap.next_at() == (model.empty() ? Timestamp::never() : first->second));
    if (!model.empty()) REQUIRE(heap.next_id() == first->first);
  }
}

}  // namespace
}  // namespace connlib
