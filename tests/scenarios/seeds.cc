#include "tests/scenarios/seeds.h"

#include <cstdlib>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace connlib::scenarios {
namespace {

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads.
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

}  // namespace

uint64_t story_seeds() {
  static const uint64_t count = [] {
    const uint64_t chosen =
        number_from_environment("CONNLIB_SEED", 0) != 0
            ? 1
            : number_from_environment("CONNLIB_STORY_SEEDS", CONNLIB_STORY_SEEDS);
    fmt::print("each story runs over {} seeds (CONNLIB_STORY_SEEDS changes that)\n", chosen);
    return chosen;
  }();
  return count;
}

}  // namespace connlib::scenarios
