#include "connlib/base/random_source.h"

#include <array>

#include <catch2/catch.hpp>

namespace connlib {
namespace {

TEST_CASE("equal seeds give equal bytes, other seeds others") {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom c(8);
  const auto from_a = a.bytes<100>();
  CHECK(from_a == b.bytes<100>());
  CHECK(from_a != c.bytes<100>());
}

TEST_CASE("drawing from a fork does not shift its parent") {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom fork = a.fork();
  b.fork();
  fork.bytes<1000>();
  CHECK(a.next_u64() == b.next_u64());
}

TEST_CASE("bounded draws reach every value and none beyond") {
  SeededRandom random(3);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen.at(random.below(7));
  for (const int count : seen) CHECK((count > 800 && count < 1200));
  CHECK(random.below(0) == 0);
  CHECK(random.below(1) == 0);
}

}  // namespace
}  // namespace connlib
