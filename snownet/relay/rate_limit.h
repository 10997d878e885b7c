#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "connlib/base/timestamp.h"
#include "snownet/relay/limits.h"

namespace connlib::snownet::relay {

// RateLimit polices one flow of bytes: a token bucket kept as the instant at which it is full.
class RateLimit {
 public:
  explicit RateLimit(uint64_t bits_per_second) : bits_per_second_(bits_per_second) {}

  // allow() says whether `bytes` may pass, and counts them if so. Always true without a limit.
  bool allow(Timestamp now, size_t bytes) noexcept {
    if (bits_per_second_ == 0) return true;
    const Timestamp from = std::max(full_at_, now);
    if (from > now + kRateBurst) return false;
    full_at_ = from + Duration(static_cast<int64_t>(bytes * 8'000'000'000U / bits_per_second_));
    return true;
  }

 private:
  uint64_t bits_per_second_;
  Timestamp full_at_ = Timestamp::from_nanoseconds(INT64_MIN);
};

}  // namespace connlib::snownet::relay
