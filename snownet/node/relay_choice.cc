#include "snownet/node/relay_choice.h"

#include <algorithm>

namespace connlib::snownet::node {
namespace {

constexpr Duration kLeastDeviation = 2ms;

// Of an even number the mean of the two in the middle. `values` is not empty.
Duration median(std::vector<Duration> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

Duration cut_off(std::span<const Duration> round_trips) {
  if (round_trips.size() <= 2) {
    return *std::min_element(round_trips.begin(), round_trips.end()) * 3 / 2;
  }
  const Duration middle = median({round_trips.begin(), round_trips.end()});
  std::vector<Duration> deviations;
  for (const Duration each : round_trips) {
    deviations.push_back(each > middle ? each - middle : middle - each);
  }
  return middle + 3 * std::max(median(std::move(deviations)), kLeastDeviation);
}

}  // namespace

std::vector<size_t> near_relays(std::span<const Duration> round_trips) {
  std::vector<size_t> near;
  if (round_trips.empty()) return near;
  const Duration limit = cut_off(round_trips);
  for (size_t i = 0; i < round_trips.size(); ++i) {
    if (round_trips[i] <= limit) near.push_back(i);
  }
  return near;
}

std::optional<size_t> choose_relay(std::span<const Duration> round_trips, RandomSource& random) {
  const auto near = near_relays(round_trips);
  if (near.empty()) return std::nullopt;
  return near[random.below(near.size())];
}

}  // namespace connlib::snownet::node
