#include "connlib/dns/proxy_addresses.h"

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/model/addressing.h"

namespace connlib::dns {
namespace {

constexpr uint32_t kSentinelBlock = 256;
// 100.96.0.1 to 100.100.111.0: the numbers in front of the sentinels.
constexpr uint32_t kBeforeSentinels = (uint32_t{4} << 16) + (uint32_t{111} << 8) - 1;
static_assert(kMaxProxies + kSentinelBlock < (uint32_t{1} << 21));

}  // namespace

IpAddress proxy_address(IpFamily family, uint32_t number) {
  CONNLIB_CHECK(number < kMaxProxies);
  const IpAddress first = kProxyRange.prefix(family).address();
  if (const auto* v4 = first.v4()) {
    const uint32_t skip = number < kBeforeSentinels ? 1 : 1 + kSentinelBlock;
    Ipv4Address out;
    store_be32(out.bytes.data(), load_be32(v4->bytes.data()) + number + skip);
    return out;
  }
  Ipv6Address out = *first.v6();  // The sentinels lie 2^80 addresses away.
  store_be32(&out.bytes[12], number);
  return out;
}

std::optional<uint32_t> proxy_number(const IpAddress& address) {
  if (!kProxyRange.contains(address) || kSentinelRange.contains(address)) return std::nullopt;
  const auto last = address.bytes().last(4);
  uint32_t number = load_be32(last.data());
  if (address.is_v4()) {
    number -= load_be32(kProxyRange.prefix(IpFamily::kV4).address().bytes().data()) + 1;
    if (number >= kBeforeSentinels && number < kMaxProxies + kSentinelBlock) {
      number -= kSentinelBlock;
    }
  }
  if (number >= kMaxProxies) return std::nullopt;
  return number;
}

IpAddress sentinel_address(IpFamily family, uint32_t number) {
  CONNLIB_CHECK(number < kSentinelsPerFamily);
  const IpAddress first = kSentinelRange.prefix(family).address();
  if (const auto* v4 = first.v4()) {
    Ipv4Address out = *v4;
    out.bytes[3] = static_cast<uint8_t>(number + 1);
    return out;
  }
  Ipv6Address out = *first.v6();
  out.bytes[15] = static_cast<uint8_t>(number);
  return out;
}

}  // namespace connlib::dns
