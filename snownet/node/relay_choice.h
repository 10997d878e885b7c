#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::snownet::node {

// near_relays() is the indices of `round_trips` that are worth a connection (snownet §4.2): of one
// or two those up to 1.5 times the best; of more those up to the median plus three times the median
// absolute deviation, which is taken as 2 ms at least.
std::vector<size_t> near_relays(std::span<const Duration> round_trips);

// choose_relay() picks one of them, each with equal chance. nullopt when there is none.
std::optional<size_t> choose_relay(std::span<const Duration> round_trips, RandomSource& random);

}  // namespace connlib::snownet::node
