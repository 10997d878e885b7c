#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::snownet::relay {

// ReplyLimiter is a token bucket per source for replies to whoever has proved nothing. Its size is
// fixed and there is nothing to evict: sources are spread over the buckets by a keyed hash, and two
// that meet in one share it. So a flood of invented sources cannot make it forget, or grow.
class ReplyLimiter {
 public:
  static constexpr size_t kBuckets = 1U << 16U;  // 512 KiB

  ReplyLimiter(uint32_t per_second, uint32_t burst, RandomSource& random);

  // allow() takes a token of the bucket of `source` (see source_prefix()).
  bool allow(Timestamp now, const IpAddress& source) noexcept;

 private:
  size_t bucket_of(const IpAddress& source) const noexcept;

  Duration interval_;  // One token.
  Duration burst_;     // All tokens.
  std::array<uint64_t, 3> key_{};
  std::vector<Timestamp> empty_until_;  // By bucket: when it is full again.
};

}  // namespace connlib::snownet::relay
