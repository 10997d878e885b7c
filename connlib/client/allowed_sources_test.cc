#include "connlib/client/allowed_sources.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
IpPrefix net(const char* text) { return IpPrefix::parse(text).value(); }

const ResourceId kLab("lab");
const ResourceId kWiki("wiki");

TEST_CASE("a gateway may send from the networks of what it serves and from nowhere else") {
  AllowedSources sources(8);
  CHECK_FALSE(sources.contains(ip("172.20.1.1")));
  sources.allow(kLab, net("172.20.0.0/16"));
  sources.allow(kLab, net("fd00::/64"));
  CHECK(sources.contains(ip("172.20.1.1")));
  CHECK(sources.contains(ip("fd00::1")));
  CHECK_FALSE(sources.contains(ip("172.21.0.1")));
  CHECK_FALSE(sources.contains(ip("fd00:1::1")));
}

TEST_CASE("everything goes for the gateway of the Internet resource, per family") {
  AllowedSources sources(8);
  sources.allow(kLab, net("0.0.0.0/0"));
  CHECK(sources.contains(ip("8.8.8.8")));
  CHECK_FALSE(sources.contains(ip("2001:db8::1")));
}

TEST_CASE("a network stays until the last resource that needs it is gone") {
  AllowedSources sources(8);
  sources.allow(kLab, net("10.0.0.0/8"));
  sources.allow(kLab, net("10.0.0.0/8"));
  sources.allow(kWiki, net("10.0.0.0/8"));
  sources.allow(kWiki, net("10.1.0.0/16"));
  sources.remove(kLab);
  CHECK(sources.contains(ip("10.9.9.9")));
  sources.remove(kWiki);
  CHECK_FALSE(sources.contains(ip("10.1.0.1")));
  CHECK(sources.size() == 0);
  sources.remove(kWiki);
}

TEST_CASE("a full set refuses a network without forgetting one") {
  AllowedSources sources(1);
  CHECK(sources.allow(kLab, net("10.0.0.0/8")));
  CHECK_FALSE(sources.allow(kWiki, net("11.0.0.0/8")));
  CHECK(sources.allow(kWiki, net("10.0.0.0/8")));
  CHECK(sources.contains(ip("10.0.0.1")));
  sources.remove(kWiki);
  CHECK(sources.contains(ip("10.0.0.1")));
  CHECK_FALSE(sources.contains(ip("11.0.0.1")));
}

}  // namespace
}  // namespace connlib::client
