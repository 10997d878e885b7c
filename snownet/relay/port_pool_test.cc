#include "snownet/relay/port_pool.h"

#include <set>

#include <catch2/catch.hpp>

namespace connlib::snownet::relay {
namespace {

TEST_CASE("every port is given out once, except the reserved one, and then there is none") {
  SeededRandom random(1);
  PortPool pool(50000, 50099, 50007);
  std::set<uint16_t> taken;
  while (const auto port = pool.take(random)) CHECK(taken.insert(*port).second);
  CHECK(taken.size() == 99);
  CHECK(*taken.begin() == 50000);
  CHECK(*taken.rbegin() == 50099);
  CHECK_FALSE(taken.contains(50007));
  pool.give_back(50042);
  CHECK(pool.take(random) == 50042);
}

TEST_CASE("even ports run out while odd ones are left") {
  SeededRandom random(2);
  PortPool pool(65526, 65535, 0);
  for (int i = 0; i < 5; ++i) CHECK(*pool.take_even(random) % 2 == 0);
  CHECK_FALSE(pool.take_even(random).has_value());
  CHECK(pool.free() == 5);
}

TEST_CASE("ports are drawn uniformly, so that the next one cannot be guessed") {
  SeededRandom random(3);
  PortPool pool(60000, 60009, 0);
  std::array<int, 10> drawn{};
  constexpr int kDraws = 10000;
  for (int i = 0; i < kDraws; ++i) {
    const uint16_t port = *pool.take(random);
    ++drawn[port - 60000U];
    pool.give_back(port);
  }
  // 1000 each; five standard deviations are 150.
  for (const int count : drawn) CHECK(std::abs(count - kDraws / 10) < 150);
}

}  // namespace
}  // namespace connlib::snownet::relay
