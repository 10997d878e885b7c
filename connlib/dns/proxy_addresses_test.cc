#include "connlib/dns/proxy_addresses.h"

#include <catch2/catch.hpp>

#include "connlib/model/addressing.h"
#include "tests/support/packets.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;

TEST_CASE("proxies count up from the first address and step over the sentinels") {
  const auto [number, text] = GENERATE(table<uint32_t, std::string>({
      {0, "100.96.0.1"},
      {3, "100.96.0.4"},
      {254, "100.96.0.255"},
      {255, "100.96.1.0"},
      {290'558, "100.100.110.255"},
      {290'559, "100.100.112.0"},
      {0, "fd00:2021:1111:8000::"},
      {3, "fd00:2021:1111:8000::3"},
      {290'559, "fd00:2021:1111:8000::4:6eff"},
  }));
  CAPTURE(number);
  CHECK(to_text(proxy_address(address(text).family(), number)) == text);
  CHECK(proxy_number(address(text)) == number);
}

TEST_CASE("every number leads to a proxy of the range and back, no sentinel among them") {
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    for (uint32_t number = 0; number < kMaxProxies; number += 97) {
      const auto proxy = proxy_address(family, number);
      REQUIRE(kProxyRange.contains(proxy));
      REQUIRE_FALSE(kSentinelRange.contains(proxy));
      REQUIRE(proxy_number(proxy) == number);
    }
    CHECK(proxy_number(proxy_address(family, kMaxProxies - 1)) == kMaxProxies - 1);
  }
}

TEST_CASE("an address outside is no proxy") {
  const auto text = GENERATE(values<std::string>(
      {"100.96.0.0", "100.95.255.255", "100.100.111.0", "100.100.111.7", "100.127.255.255",
       "100.128.0.0", "8.8.8.8", "fd00:2021:1111:8000:100:100:111:0", "fd00:2021:1111::1",
       "fd00:2021:1111:8000::1f:ffff", "fd00:2021:1111:8000:1::"}));
  CAPTURE(text);
  CHECK_FALSE(proxy_number(address(text)).has_value());
}

TEST_CASE("sentinels lie in their range") {
  CHECK(to_text(sentinel_address(IpFamily::kV4, 0)) == "100.100.111.1");
  CHECK(to_text(sentinel_address(IpFamily::kV4, 253)) == "100.100.111.254");
  CHECK(to_text(sentinel_address(IpFamily::kV6, 0)) == "fd00:2021:1111:8000:100:100:111:0");
  CHECK(kSentinelRange.contains(sentinel_address(IpFamily::kV6, 253)));
}

}  // namespace
}  // namespace connlib::dns
