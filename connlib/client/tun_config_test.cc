#include "connlib/client/tun_config.h"

#include <set>
#include <string>

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

using Routes = std::set<std::string>;

const Routes kFixed = {"100.64.0.0/11",    "fd00:2021:1111::/107",
                       "100.96.0.0/11",    "fd00:2021:1111:8000::/107",
                       "100.100.111.0/24", "fd00:2021:1111:8000:100:100:111:0/120"};

Routes routes(const ResourceList& resources) {
  Routes out;
  for (const IpPrefix& route : tun_routes(resources)) {
    INFO(to_text(route));
    CHECK(out.insert(to_text(route)).second);
  }
  return out;
}
Routes with(std::initializer_list<std::string> more) {
  Routes out = kFixed;
  out.insert(more);
  return out;
}
Resource cidr(const char* id, const char* network) {
  return {.id = ResourceId(id), .address = CidrAddress{IpPrefix::parse(network).value()}};
}

TEST_CASE("without resources the tunnel takes peers, proxies and sentinels") {
  CHECK(routes(ResourceList(8)) == kFixed);
}

TEST_CASE("every network of a CIDR resource is routed once") {
  ResourceList resources(8);
  resources.upsert(cidr("a", "10.0.0.0/8"));
  resources.upsert(cidr("b", "10.0.0.0/8"));
  resources.upsert(cidr("c", "192.0.2.7"));
  resources.upsert(cidr("d", "2001:db8::/32"));
  CHECK(routes(resources) == with({"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"}));
  resources.remove(ResourceId("a"));
  CHECK(routes(resources) == with({"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"}));
  resources.remove(ResourceId("b"));
  CHECK(routes(resources) == with({"192.0.2.7/32", "2001:db8::/32"}));
}

TEST_CASE("DNS resources and pools need no route of their own") {
  ResourceList resources(8);
  resources.upsert(Resource{.id = ResourceId("w"), .address = DnsAddress{"wiki.example.com"}});
  resources.upsert(StaticDevicePool{
      .id = ResourceId("p"), .members = {{ClientId("c"), Ipv4Address{{100, 64, 0, 9}}, {}}}});
  CHECK(routes(resources) == kFixed);
}

TEST_CASE("the Internet is routed only while the user wants it") {
  ResourceList resources(8);
  resources.upsert(Resource{.id = ResourceId("i"), .address = InternetAddress{}});
  CHECK(routes(resources) == kFixed);
  resources.want_internet(true);
  CHECK(routes(resources) == with({"0.0.0.0/0", "::/0"}));
  resources.want_internet(false);
  CHECK(routes(resources) == kFixed);
}

}  // namespace
}  // namespace connlib::client
