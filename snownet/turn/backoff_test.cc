#include "snownet/turn/backoff.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::snownet::turn {
namespace {

using connlib::testing::kStart;
constexpr Backoff::Options kOptions{.base = 1s, .max = 8s, .forgets_after = 2min};

TEST_CASE("the first attempt is at once, the next ones wait twice as long each, with jitter") {
  SeededRandom random(3);
  Backoff backoff(kOptions);
  CHECK(backoff.next(kStart, random) == 0s);
  for (const Duration expected : {1s, 2s, 4s, 8s, 8s, 8s}) {
    const Duration wait = backoff.next(kStart, random);
    CHECK(wait >= expected);
    CHECK(wait <= expected + expected / 4);
  }
}

TEST_CASE("a quiet time is forgiven") {
  SeededRandom random(3);
  Backoff backoff(kOptions);
  backoff.next(kStart, random);
  CHECK(backoff.next(kStart + 2min - 1ns, random) > 0s);
  CHECK(backoff.next(kStart + 4min, random) == 0s);
}

TEST_CASE("two clients of one relay do not come back as one") {
  SeededRandom one(1);
  SeededRandom two(2);
  Backoff a(kOptions);
  Backoff b(kOptions);
  a.next(kStart, one);
  b.next(kStart, two);
  CHECK(a.next(kStart, one) != b.next(kStart, two));
}

}  // namespace
}  // namespace connlib::snownet::turn
