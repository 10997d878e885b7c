#include "connlib/routing/result_cache.h"

#include <map>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"

namespace connlib::routing {

TEST_CASE("a result is found until it is cleared") {
  ResultCache<uint32_t, int> cache;
  CHECK(cache.find(7) == nullptr);
  cache.insert(7, 70);
  REQUIRE(cache.find(7) != nullptr);
  CHECK(*cache.find(7) == 70);
  cache.clear();
  CHECK(cache.find(7) == nullptr);
  cache.insert(7, 71);
  CHECK(*cache.find(7) == 71);
}

TEST_CASE("the result that was used least recently gives way") {
  ResultCache<uint32_t, int, 4> cache;  // One set.
  for (uint32_t key = 0; key < 4; ++key) cache.insert(key, 0);
  CHECK(cache.find(0) != nullptr);
  cache.insert(4, 0);
  CHECK(cache.find(0) != nullptr);
  CHECK(cache.find(1) == nullptr);
}

TEST_CASE("a result of before the last clear gives way first") {
  ResultCache<uint32_t, int, 4> cache;
  for (uint32_t key = 0; key < 4; ++key) cache.insert(key, 0);
  cache.clear();
  for (uint32_t key = 10; key < 14; ++key) cache.insert(key, 1);
  for (uint32_t key = 10; key < 14; ++key) CHECK(cache.find(key) != nullptr);
}

TEST_CASE("a cache that is asked for more than it holds is never wrong") {
  SeededRandom random(3);
  ResultCache<uint64_t, uint64_t, 64> cache;
  std::map<uint64_t, uint64_t> truth;
  int hits = 0;
  for (uint64_t step = 0; step < 20'000; ++step) {
    const uint64_t key = random.below(100);
    if (const uint64_t* found = cache.find(key)) {
      ++hits;
      REQUIRE(*found == truth.at(key));
    } else {
      truth[key] = step;
      cache.insert(key, step);
    }
    if (random.below(1000) == 0) {
      cache.clear();
      truth.clear();
    }
  }
  CHECK(hits > 5000);
}

}  // namespace connlib::routing
