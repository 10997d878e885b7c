#include "connlib/base/ip.h"

#include <catch2/catch.hpp>

namespace connlib {
namespace {

TEST_CASE("addresses print the way RFC 5952 says") {
  auto [text, printed] = GENERATE(table<const char*, const char*>({
      {"192.0.2.1", "192.0.2.1"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // §4.2.2: one zero group stays.
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // §4.2.3: the longest run.
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // §4.2.3: the first of two equals.
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"::ffff:192.0.2.1", "::ffff:c000:201"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  }));
  CAPTURE(text);
  const auto address = IpAddress::parse(text);
  REQUIRE(address.has_value());
  CHECK(to_text(*address) == printed);
  CHECK(IpAddress::parse(printed) == address);
}

TEST_CASE("text that is not an address is refused") {
  const char* text =
      GENERATE("", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", ":",
               ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8",
               "12345::", "fe80::1%eth0", "::1.2.3", "1.2.3.4::", "g::", "::1:");
  CAPTURE(text);
  CHECK_FALSE(IpAddress::parse(text).has_value());
}

TEST_CASE("socket addresses take brackets for IPv6 only") {
  CHECK(to_text(*SocketAddress::parse("192.0.2.1:51820")) == "192.0.2.1:51820");
  CHECK(to_text(*SocketAddress::parse("[2001:db8::1]:80")) == "[2001:db8::1]:80");
  const char* bad = GENERATE("192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
                             "[192.0.2.1]:80", "2001:db8::1:80:", "::1", "host:80");
  CAPTURE(bad);
  CHECK_FALSE(SocketAddress::parse(bad).has_value());
}

TEST_CASE("a prefix clears host bits and contains what lies under it") {
  auto [text, printed, inside, outside] =
      GENERATE(table<const char*, const char*, const char*, const char*>({
          {"10.1.2.3/8", "10.0.0.0/8", "10.255.0.1", "11.0.0.0"},
          {"10.1.2.3", "10.1.2.3/32", "10.1.2.3", "10.1.2.2"},
          {"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"},
          {"2001:db8:ffff::/33", "2001:db8:8000::/33", "2001:db8:8000::1", "2001:db8:7fff::1"},
          {"::/0", "::/0", "ffff::", "0.0.0.0"},
      }));
  CAPTURE(text);
  const auto prefix = IpPrefix::parse(text);
  REQUIRE(prefix.has_value());
  CHECK(to_text(*prefix) == printed);
  CHECK(prefix->contains(*IpAddress::parse(inside)));
  CHECK_FALSE(prefix->contains(*IpAddress::parse(outside)));
}

TEST_CASE("prefixes longer than the family are refused") {
  const char* text =
      GENERATE("10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "/8");
  CAPTURE(text);
  CHECK_FALSE(IpPrefix::parse(text).has_value());
}

TEST_CASE("a v4-mapped address can be taken as the IPv4 address inside") {
  CHECK(to_text(IpAddress::parse("::ffff:192.0.2.9")->unmapped()) == "192.0.2.9");
  CHECK(to_text(IpAddress::parse("2001:db8::1")->unmapped()) == "2001:db8::1");
}

TEST_CASE("special addresses are recognised in both families") {
  CHECK(IpAddress::parse("127.9.9.9")->is_loopback());
  CHECK(IpAddress::parse("::1")->is_loopback());
  CHECK_FALSE(IpAddress::parse("::2")->is_loopback());
  CHECK(IpAddress::parse("224.0.0.1")->is_multicast());
  CHECK(IpAddress::parse("ff02::1")->is_multicast());
  CHECK(IpAddress::parse("169.254.1.1")->is_link_local());
  CHECK(IpAddress::parse("fe80::1")->is_link_local());
  CHECK(IpAddress::parse("0.0.0.0")->is_unspecified());
  CHECK_FALSE(IpAddress::parse("::1")->is_unspecified());
}

}  // namespace
}  // namespace connlib
