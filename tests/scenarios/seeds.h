#pragma once

#include <cstdint>

namespace connlib::scenarios {

// story_seeds() is over how many seeds each story runs: 200, fewer under sanitizers, or what
// CONNLIB_STORY_SEEDS in the environment says; one when CONNLIB_SEED names it.
uint64_t story_seeds();

}  // namespace connlib::scenarios
