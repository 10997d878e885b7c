#include "wireguard/session/replay_window.h"

#include <set>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/vectors.h"

namespace connlib::wireguard {
namespace {

TEST_CASE("every published replay sequence is accepted and refused as listed") {
  for (const auto& sequence : testing::wireguard_vectors().at("replay_window").at("sequences")) {
    CAPTURE(sequence["name"].get<std::string>());
    ReplayWindow window;
    const auto& counters = sequence["counters_dec"];
    for (size_t i = 0; i < counters.size(); ++i) {
      const uint64_t counter = std::stoull(counters[i].get<std::string>());
      CAPTURE(i, counter);
      CHECK(window.mark(counter) == sequence["accept"][i].get<bool>());
    }
  }
}

TEST_CASE("the window agrees with a slow model on random traffic") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{31}));
  CAPTURE(seed);
  SeededRandom random(seed);
  ReplayWindow window;
  std::set<uint64_t> seen;
  uint64_t base = random.below(3) == 0 ? kRejectAfterMessages - 30000 : random.below(1000);
  for (int i = 0; i < 5000; ++i) {
    base += random.below(20) == 0 ? random.below(9000) : random.below(4);
    const uint64_t back = random.below(3) == 0 ? random.below(9000) : random.below(64);
    const uint64_t counter = base - std::min(base, back);
    const uint64_t highest = seen.empty() ? 0 : *seen.rbegin();
    const bool in_reach = counter > highest || highest - counter <= ReplayWindow::kReach;
    const bool expected = counter < kRejectAfterMessages && in_reach && !seen.contains(counter);
    CAPTURE(i, counter, highest);
    REQUIRE(window.is_acceptable(counter) == expected);
    REQUIRE(window.mark(counter) == expected);
    if (expected) seen.insert(counter);
  }
  CHECK(window.accepted() == seen.size());
  CHECK(window.expected() == *seen.rbegin() + 1);
}

}  // namespace
}  // namespace connlib::wireguard
