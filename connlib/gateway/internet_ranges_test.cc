#include "connlib/gateway/internet_ranges.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using testing::address;

TEST_CASE("the Internet resource does not lead into the gateway's own surroundings") {
  const auto [first, last] = GENERATE(table<const char*, const char*>({
      {"10.0.0.0", "10.255.255.255"},
      {"172.16.0.0", "172.31.255.255"},
      {"192.168.0.0", "192.168.255.255"},
      {"127.0.0.0", "127.255.255.255"},
      {"169.254.0.0", "169.254.255.255"},
      {"100.64.0.0", "100.127.255.255"},
      {"224.0.0.0", "239.255.255.255"},
      {"240.0.0.0", "255.255.255.255"},
      {"0.0.0.0", "0.255.255.255"},
      {"::1", "::1"},
      {"::", "::255.255.255.255"},
      {"::ffff:0.0.0.0", "::ffff:255.255.255.255"},
      {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"64:ff9b::10.0.0.0", "64:ff9b::10.255.255.255"},
      {"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254"},
  }));
  CAPTURE(first, last);
  CHECK_FALSE(is_internet(address(first)));
  CHECK_FALSE(is_internet(address(last)));
}

TEST_CASE("the Internet resource leads to everything just beside those networks") {
  const char* beside = GENERATE(
      "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
      "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
      "192.167.255.255", "192.169.0.0", "223.255.255.255", "0:0:0:1::", "::fffe:0:0", "::1:0:0:0",
      "fbff::", "fe00::", "fe7f::", "fec0::", "feff::", "2001:db8::1", "64:ff9b::8.8.8.8",
      "64:ff9b:0:1::10.0.0.1");
  CAPTURE(beside);
  CHECK(is_internet(address(beside)));
}

}  // namespace
}  // namespace connlib::gateway
