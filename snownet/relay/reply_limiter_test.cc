#include "snownet/relay/reply_limiter.h"

#include <catch2/catch.hpp>

#include "snownet/relay/source_prefix.h"

namespace connlib::snownet::relay {
namespace {

const Timestamp kNow = Timestamp::from_nanoseconds(7'000'000'003);

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

int allowed(ReplyLimiter& limiter, Timestamp now, const IpAddress& source, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limiter.allow(now, source) ? 1 : 0;
  return count;
}

TEST_CASE("a source gets its burst, then its rate") {
  SeededRandom random(1);
  ReplyLimiter limiter(50, 100, random);
  CHECK(allowed(limiter, kNow, ip("9.9.9.9"), 1000) == 100);
  CHECK(allowed(limiter, kNow + 1s, ip("9.9.9.9"), 1000) == 50);
  CHECK(allowed(limiter, kNow + 100s, ip("9.9.9.9"), 1000) == 100);
}

TEST_CASE("the flood of one source leaves others their replies") {
  SeededRandom random(1);
  ReplyLimiter limiter(50, 100, random);
  allowed(limiter, kNow, ip("9.9.9.9"), 100000);
  CHECK(limiter.allow(kNow, ip("9.9.9.10")));
}

TEST_CASE("the addresses of one IPv6 /64 share a bucket, those of the next do not") {
  SeededRandom random(1);
  ReplyLimiter limiter(50, 100, random);
  CHECK(allowed(limiter, kNow, ip("2606:4700::1"), 100) == 100);
  CHECK_FALSE(limiter.allow(kNow, ip("2606:4700::ffff:2")));
  CHECK(limiter.allow(kNow, ip("2606:4700:0:1::1")));
  CHECK(source_prefix(ip("2606:4700::ffff:2")) == ip("2606:4700::"));
}

TEST_CASE("a million invented sources spread over the buckets") {
  SeededRandom random(5);
  ReplyLimiter limiter(1, 1, random);
  int count = 0;
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    const std::array<uint8_t, 4> bytes{static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                                       static_cast<uint8_t>(i), 7};
    count += limiter.allow(kNow, Ipv4Address{bytes}) ? 1 : 0;
  }
  // Each bucket lets one pass: nearly all are hit, none twice.
  CHECK(count <= int{ReplyLimiter::kBuckets});
  CHECK(count > int{ReplyLimiter::kBuckets} * 9 / 10);
}

}  // namespace
}  // namespace connlib::snownet::relay
