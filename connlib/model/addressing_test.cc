#include "connlib/model/addressing.h"

#include <catch2/catch.hpp>

namespace connlib {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

TEST_CASE("the ranges are the networks of the specification") {
  const auto [range, v4, v6] = GENERATE(table<const AddressRange*, const char*, const char*>({
      {&kPeerRange, "100.64.0.0/11", "fd00:2021:1111::/107"},
      {&kProxyRange, "100.96.0.0/11", "fd00:2021:1111:8000::/107"},
      {&kSentinelRange, "100.100.111.0/24", "fd00:2021:1111:8000:100:100:111:0/120"},
  }));
  CHECK(range->prefix(IpFamily::kV4) == IpPrefix::parse(v4));
  CHECK(range->prefix(IpFamily::kV6) == IpPrefix::parse(v6));
}

TEST_CASE("a range contains what its networks contain") {
  for (const AddressRange* range : {&kPeerRange, &kProxyRange, &kSentinelRange}) {
    for (const char* text : {"100.63.255.255",
                             "100.64.0.0",
                             "100.95.255.255",
                             "100.96.0.0",
                             "100.127.255.255",
                             "100.128.0.0",
                             "100.100.110.255",
                             "100.100.111.0",
                             "100.100.111.255",
                             "100.100.112.0",
                             "fd00:2021:1111::",
                             "fd00:2021:1111::1f:ffff",
                             "fd00:2021:1111::20:0",
                             "fd00:2021:1111:8000::",
                             "fd00:2021:1111:8000::1f:ffff",
                             "fd00:2021:1111:8000::20:0",
                             "fd00:2021:1111:8000:100:100:111:0",
                             "fd00:2021:1111:8000:100:100:111:ff",
                             "fd00:2021:1111:8000:100:100:111:100",
                             "fd00:2021:1112::"}) {
      CAPTURE(text);
      CHECK(range->contains(ip(text)) == range->prefix(ip(text).family()).contains(ip(text)));
    }
  }
}

// The specification calls the IPv6 sentinels "inside the proxy range". They are not: /107 of
// fd00:2021:1111:8000:: ends at ::1f:ffff. What skips sentinels need not care, what routes does.
TEST_CASE("IPv4 sentinels lie among the proxies, IPv6 sentinels beside them") {
  CHECK(kProxyRange.contains(ip("100.100.111.1")));
  CHECK_FALSE(kProxyRange.contains(ip("fd00:2021:1111:8000:100:100:111:1")));
}

}  // namespace
}  // namespace connlib
