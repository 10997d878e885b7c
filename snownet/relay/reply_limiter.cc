#include "snownet/relay/reply_limiter.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "snownet/relay/source_prefix.h"

namespace connlib::snownet::relay {

ReplyLimiter::ReplyLimiter(uint32_t per_second, uint32_t burst, RandomSource& random)
    : interval_(std::chrono::nanoseconds(1s) / std::max(per_second, 1U)),
      burst_(interval_ * std::max(burst, 1U)),
      empty_until_(kBuckets, Timestamp::from_nanoseconds(INT64_MIN)) {
  for (uint64_t& word : key_) word = random.next_u64();
  key_[0] |= 1;
  key_[1] |= 1;
}

bool ReplyLimiter::allow(Timestamp now, const IpAddress& source) noexcept {
  // The bucket as one instant (GCRA): each reply moves it by one interval, and it may run ahead of
  // the clock by the burst.
  Timestamp& full_at = empty_until_[bucket_of(source)];
  const Timestamp from = std::max(full_at, now);
  if (from + interval_ > now + burst_) return false;
  full_at = from + interval_;
  return true;
}

// Multiply-shift over 128 bits under a secret key: nobody can choose two sources that meet.
size_t ReplyLimiter::bucket_of(const IpAddress& source) const noexcept {
  const IpAddress prefix = source_prefix(source);
  uint64_t value = 0;
  if (const auto* four = prefix.v4()) {
    value = load_be32(four->bytes.data());
  } else {
    value = load_be64(prefix.v6()->bytes.data());
  }
  const uint64_t mixed = (value ^ key_[2]) * key_[0];
  const uint64_t hash = ((mixed ^ (mixed >> 32U)) + key_[2]) * key_[1];
  return static_cast<size_t>(hash >> 48U);
}

static_assert(ReplyLimiter::kBuckets == 1U << 16U, "bucket_of() gives 16 bits");

}  // namespace connlib::snownet::relay
