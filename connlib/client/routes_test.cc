#include "connlib/client/routes.h"

#include <string>

#include <catch2/catch.hpp>

#include "connlib/model/addressing.h"

namespace connlib::client {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
using P = Filter::Protocol;

const Protocol kWeb = Protocol::tcp(443);
const Protocol kPing = Protocol::icmp_echo(7);

Resource cidr(const char* id, const char* network, std::vector<Filter> filters = {}) {
  return {.id = ResourceId(id),
          .address = CidrAddress{IpPrefix::parse(network).value()},
          .filters = std::move(filters)};
}
Resource dns(const char* id, const char* pattern, std::vector<Filter> filters = {}) {
  return {.id = ResourceId(id), .address = DnsAddress{pattern}, .filters = std::move(filters)};
}
StaticDevicePool printers() {
  return {.id = ResourceId("printers"),
          .members = {{ClientId("laser"), Ipv4Address{{100, 64, 0, 8}}, {}}}};
}
std::string where(Routes& routes, const char* destination, Protocol protocol = kWeb) {
  const auto route = routes.find(ip(destination), protocol);
  if (!route) return "nowhere";
  return (route->is_permitted ? "" : "not ") + route->resource->value();
}

TEST_CASE("what no resource contains goes nowhere") {
  Routes routes;
  routes.add(cidr("lab", "172.20.0.0/16"));
  CHECK(where(routes, "172.20.1.1") == "lab");
  CHECK(where(routes, "172.21.1.1") == "nowhere");
  routes.remove(ResourceId("lab"));
  CHECK(where(routes, "172.20.1.1") == "nowhere");
}

// Lesson 5c1f5e1ece: a network over the range of proxies hijacked DNS resources.
TEST_CASE("a proxy address belongs to its name although a network contains it") {
  Routes routes;
  routes.add(cidr("wide", "100.64.0.0/10"));
  routes.add(dns("wiki", "wiki.example.com"));
  routes.add_proxy(ResourceId("wiki"), ip("100.96.0.1"), "wiki.example.com");
  CHECK(where(routes, "100.96.0.1") == "wiki");
  CHECK(where(routes, "100.96.0.9") == "wide");
}

// Lesson a7b9c3e684: of two resources on one network the wrong one rejected.
TEST_CASE("resources on one network complement each other") {
  Routes routes;
  routes.add(cidr("web", "10.0.0.0/8", {{P::kTcp, 443, 443}}));
  routes.add(cidr("ping", "10.0.0.0/8", {{P::kIcmp}}));
  CHECK(where(routes, "10.1.1.1", kWeb) == "web");
  CHECK(where(routes, "10.1.1.1", kPing) == "ping");
  CHECK(where(routes, "10.1.1.1", Protocol::udp(53)) == "not web");
}

TEST_CASE("a member of a pool comes before any network, and names its client") {
  Routes routes;
  routes.add(cidr("wide", "100.64.0.0/10"));
  routes.add(printers());
  const auto route = routes.find(ip("100.64.0.8"), kWeb);
  REQUIRE(route);
  CHECK(route->kind == Route::Kind::kDevice);
  CHECK(*route->device == ClientId("laser"));
  routes.remove(ResourceId("printers"));
  CHECK(where(routes, "100.64.0.8") == "wide");
}

TEST_CASE("the Internet takes the rest, but no peers") {
  Routes routes;
  routes.add(cidr("lab", "172.20.0.0/16"));
  routes.set_internet(ResourceId("internet"));
  CHECK(where(routes, "172.20.1.1") == "lab");
  CHECK(where(routes, "8.8.8.8") == "internet");
  CHECK(where(routes, "2001:db8::1") == "internet");
  CHECK(where(routes, "100.64.0.9") == "nowhere");
  CHECK(where(routes, "fd00:2021:1111::9") == "nowhere");
  routes.set_internet(std::nullopt);
  CHECK(where(routes, "8.8.8.8") == "nowhere");
}

TEST_CASE("a resource that is back needs its proxies again") {
  Routes routes;
  routes.add(dns("wiki", "wiki.example.com"));
  routes.add_proxy(ResourceId("wiki"), ip("100.96.0.1"), "wiki.example.com");
  routes.remove(ResourceId("wiki"));
  CHECK(where(routes, "100.96.0.1") == "nowhere");
  routes.add_proxy(ResourceId("wiki"), ip("100.96.0.1"), "wiki.example.com");
  CHECK(where(routes, "100.96.0.1") == "nowhere");
  routes.add(dns("wiki", "wiki.example.com"));
  routes.add_proxy(ResourceId("wiki"), ip("100.96.0.1"), "wiki.example.com");
  CHECK(where(routes, "100.96.0.1") == "wiki");
}

}  // namespace
}  // namespace connlib::client
