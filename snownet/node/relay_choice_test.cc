#include "snownet/node/relay_choice.h"

#include <set>

#include <catch2/catch.hpp>

namespace connlib::snownet::node {
namespace {

TEST_CASE("which relays are near is decided by their round trips alone") {
  struct Row {
    std::vector<int> milliseconds;
    std::vector<size_t> near;
  };
  const auto row = GENERATE(values<Row>({{{}, {}},
                                         {{40}, {0}},
                                         {{40, 60}, {0, 1}},
                                         {{40, 61}, {0}},
                                         {{30, 35, 200}, {0, 1}},
                                         {{30, 30, 30, 31}, {0, 1, 2, 3}},
                                         {{30, 30, 30, 37}, {0, 1, 2}},
                                         {{30, 40, 50, 60}, {0, 1, 2, 3}},
                                         {{30, 32, 35, 40, 200}, {0, 1, 2, 3}}}));
  std::vector<Duration> round_trips;
  for (const int each : row.milliseconds) round_trips.push_back(each * 1ms);
  CAPTURE(row.milliseconds);
  CHECK(near_relays(round_trips) == row.near);
}

TEST_CASE("every near relay is chosen sometimes, a far one never") {
  const std::vector<Duration> round_trips{30ms, 32ms, 35ms, 40ms, 200ms};
  SeededRandom random(7);
  std::set<size_t> chosen;
  for (int i = 0; i < 200; ++i) chosen.insert(choose_relay(round_trips, random).value());
  CHECK(chosen == std::set<size_t>{0, 1, 2, 3});
  CHECK_FALSE(choose_relay({}, random).has_value());
}

}  // namespace
}  // namespace connlib::snownet::node
