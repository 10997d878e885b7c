#include "wireguard/crypto/tai64n.h"

#include "connlib/base/bytes.h"

namespace connlib::wireguard {
namespace {

constexpr uint64_t kBase = (uint64_t{1} << 62) + 10;
constexpr uint32_t kNanosPerSecond = 1'000'000'000;
constexpr uint32_t kRounding = uint32_t{1} << 24;

}  // namespace

Tai64n Tai64n::encode(int64_t unix_seconds, uint32_t nanoseconds) {
  Tai64n out;
  store_be64(out.bytes.data(), kBase + static_cast<uint64_t>(unix_seconds));
  store_be32(out.bytes.data() + 8, nanoseconds);
  return out;
}

Tai64n Tai64n::successor() const {
  Tai64n out = *this;
  const uint32_t nanoseconds = load_be32(bytes.data() + 8);
  if (nanoseconds < kNanosPerSecond - 1) {
    store_be32(out.bytes.data() + 8, nanoseconds + 1);
  } else {
    store_be64(out.bytes.data(), load_be64(bytes.data()) + 1);
    store_be32(out.bytes.data() + 8, 0);
  }
  return out;
}

absl::Time WallClock::at(Timestamp now) const { return date_ + absl::FromChrono(now - instant_); }

Tai64n WallClock::stamp(Timestamp now) const {
  const absl::Time date = at(now);
  const int64_t seconds = absl::ToUnixSeconds(date);
  const auto nanoseconds =
      static_cast<uint32_t>(absl::ToInt64Nanoseconds(date - absl::FromUnixSeconds(seconds)));
  return Tai64n::encode(seconds, nanoseconds / kRounding * kRounding);
}

}  // namespace connlib::wireguard
