#pragma once

#include <algorithm>
#include <cstdint>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::snownet::turn {

// Backoff is how long to wait before the next of several attempts: nothing before the first, then
// `base` doubled each time up to `max`, plus up to a quarter at random, so that the clients of one
// relay do not come back as one.
class Backoff {
 public:
  struct Options {
    Duration base;
    Duration max;
    Duration forgets_after;  // A pause this long between two attempts makes the next a first one.
  };
  explicit constexpr Backoff(Options options) : options_(options) {}

  // next() counts an attempt at `now` and says how long to wait before it.
  Duration next(Timestamp now, RandomSource& random) {
    if (!last_.is_never() && now - last_ >= options_.forgets_after) attempts_ = 0;
    last_ = now;
    if (attempts_++ == 0) return Duration::zero();
    const uint32_t doublings = std::min<uint32_t>(attempts_ - 2, 20);
    const Duration wait = std::min(options_.base * (int64_t{1} << doublings), options_.max);
    return wait + Duration(static_cast<int64_t>(
                      random.below(static_cast<uint64_t>(wait.count()) / 4 + 1)));
  }

 private:
  Options options_;
  uint32_t attempts_ = 0;
  Timestamp last_ = Timestamp::never();
};

}  // namespace connlib::snownet::turn
