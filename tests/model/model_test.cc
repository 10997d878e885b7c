// Does the model notice a system that is broken in a known way, and is it a model of one that is
// not? Long sweeps are connlib-sim's: `connlib-sim --system --seeds 1..1000`.
#include <optional>

#include <catch2/catch.hpp>

#include "tests/model/shrink.h"

namespace connlib::model_test {
namespace {

using tunnel::Mutation;

// The first of `seeds` that notices.
std::optional<uint64_t> first_that_notices(Mutation mutation, uint64_t seeds) {
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    if (!run_model({.seed = seed, .mutation = mutation}).has_passed()) return seed;
  }
  return std::nullopt;
}

TEST_CASE("a gateway that forgets filters is noticed") {
  CHECK(first_that_notices(Mutation::kForgetsFilters, 200));
}
TEST_CASE("names that lead to each other's addresses are noticed") {
  CHECK(first_that_notices(Mutation::kMixesNames, 200));
}
TEST_CASE("a gateway that keeps what was revoked is noticed") {
  CHECK(first_that_notices(Mutation::kKeepsRevoked, 200));
}

TEST_CASE("equal seeds tell equal stories") {
  CHECK(run_model({.seed = 3}).story == run_model({.seed = 3}).story);
}

TEST_CASE("a failing run shrinks to fewer transitions that still fail") {
  const auto seed = first_that_notices(Mutation::kMixesNames, 200);
  REQUIRE(seed);
  const RunOptions options{.seed = *seed, .mutation = Mutation::kMixesNames};
  const RunResult whole = run_model(options);
  const RunResult least = shrink(options, whole);
  CHECK_FALSE(least.has_passed());
  CHECK(least.happened.size() < whole.happened.size());
  CHECK(describe(least).find("replay: connlib-sim --system") != std::string::npos);
}

}  // namespace
}  // namespace connlib::model_test
