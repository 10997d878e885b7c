#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"

namespace connlib::routing {

// PrefixKey is a network as the trie compares it: the bits left-aligned in 128, host bits zero.
// An address is the network of full length.
class PrefixKey {
 public:
  constexpr PrefixKey() = default;
  explicit PrefixKey(const IpAddress& address) : PrefixKey(address, address.is_v4() ? 32 : 128) {}
  explicit PrefixKey(const IpPrefix& prefix) : PrefixKey(prefix.address(), prefix.length()) {}

  IpFamily family() const { return family_; }
  uint8_t length() const { return length_; }

  // bit() is bit `i`, counted from the most significant; `i` < 128.
  size_t bit(uint8_t i) const {
    return static_cast<size_t>((i < 64 ? high_ >> (63 - i) : low_ >> (127 - i)) & 1);
  }

  // contains() says whether `other`, of the same family, lies inside this network or equals it.
  bool contains(const PrefixKey& other) const {
    return length_ <= other.length_ && shared_bits(other) >= length_;
  }

  // common() is the longest network that contains both.
  PrefixKey common(const PrefixKey& other) const {
    PrefixKey out = *this;
    out.length_ =
        static_cast<uint8_t>(std::min<int>({shared_bits(other), int{length_}, int{other.length_}}));
    out.high_ &= high_mask(out.length_);
    out.low_ &= low_mask(out.length_);
    return out;
  }

  IpPrefix prefix() const {
    if (family_ == IpFamily::kV4) {
      Ipv4Address v4;
      store_be32(v4.bytes.data(), static_cast<uint32_t>(high_ >> 32));
      return IpPrefix::of(v4, length_).value_or(IpPrefix());
    }
    Ipv6Address v6;
    store_be64(v6.bytes.data(), high_);
    store_be64(v6.bytes.data() + 8, low_);
    return IpPrefix::of(v6, length_).value_or(IpPrefix());
  }

  friend bool operator==(const PrefixKey&, const PrefixKey&) = default;

 private:
  PrefixKey(const IpAddress& address, uint8_t length) : family_(address.family()), length_(length) {
    if (const Ipv4Address* v4 = address.v4()) {
      high_ = uint64_t{load_be32(v4->bytes.data())} << 32;
    } else if (const Ipv6Address* v6 = address.v6()) {
      high_ = load_be64(v6->bytes.data());
      low_ = load_be64(v6->bytes.data() + 8);
    }
  }

  int shared_bits(const PrefixKey& other) const {
    const uint64_t high = high_ ^ other.high_;
    return high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(low_ ^ other.low_);
  }
  static constexpr uint64_t high_mask(uint8_t length) {
    return length == 0 ? 0 : length >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - length);
  }
  static constexpr uint64_t low_mask(uint8_t length) {
    return length <= 64 ? 0 : ~uint64_t{0} << (128 - length);
  }

  uint64_t high_ = 0;
  uint64_t low_ = 0;
  IpFamily family_ = IpFamily::kV4;
  uint8_t length_ = 0;
};

}  // namespace connlib::routing
