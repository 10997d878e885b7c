#pragma once

#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::scenarios {

// Weather is the one-way latencies of a run (snownet §9.1).
struct Weather {
  Duration client = 20ms;             // 10 to 250 ms.
  Duration gateway = 20ms;            // 10 to 200 ms.
  Duration portal = 50ms;             // 30 to 250 ms, from peer to peer.
  std::vector<Duration> relays = {};  // 10 to 50 ms each.

  Duration relay(size_t i) const { return i < relays.size() ? relays[i] : 20ms; }
};

Weather draw_weather(SeededRandom random, size_t relays);

// between() draws whole milliseconds, both ends included.
Duration between(RandomSource& random, Duration least, Duration most);

}  // namespace connlib::scenarios
