#include "tests/scenarios/weather.h"

namespace connlib::scenarios {

Duration between(RandomSource& random, Duration least, Duration most) {
  const auto range = static_cast<uint64_t>((most - least) / 1ms) + 1;
  return least + 1ms * static_cast<int64_t>(random.below(range));
}

Weather draw_weather(SeededRandom random, size_t relays) {
  Weather weather{.client = between(random, 10ms, 250ms),
                  .gateway = between(random, 10ms, 200ms),
                  .portal = between(random, 30ms, 250ms)};
  for (size_t i = 0; i < relays; ++i) weather.relays.push_back(between(random, 10ms, 50ms));
  return weather;
}

}  // namespace connlib::scenarios
