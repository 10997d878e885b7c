#include "connlib/gateway/access.h"

#include <algorithm>
#include <random>

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using testing::address;
using Decision = Access::Decision;

constexpr Filter kHttp{Filter::Protocol::kTcp, 80, 80};
constexpr Filter kDns{Filter::Protocol::kUdp, 53, 53};
constexpr Filter kPing{Filter::Protocol::kIcmp};
const ClassifiedProtocol kToHttp = Protocol::tcp(80);
const ClassifiedProtocol kToDns = Protocol::udp(53);
const ClassifiedProtocol kToSsh = Protocol::tcp(22);
const ClassifiedProtocol kEcho = Protocol::icmp_echo(7);
const ClassifiedProtocol kTimeExceeded = UnsupportedProtocol::kIcmpv4Type;
const ClassifiedProtocol kGre = UnsupportedProtocol::kIpPayload;

struct World {
  Grants grants{4096};
  Access access{grants, 64};

  void grant(const char* id, ResourceAddress where, std::vector<Filter> filters = {}) {
    grants.add(
        {.resource = {
             .id = ResourceId(id), .address = std::move(where), .filters = std::move(filters)}});
    access.rebuild();
  }
  void revoke(const char* id) {
    grants.remove(ResourceId(id));
    access.rebuild();
  }
  bool assign(const char* proxy, const char* domain, const char* resource) {
    return access.assign(address(proxy), dns::Name::parse(domain).value(), ResourceId(resource));
  }
  // Which resource a packet counts for; "" when it is not allowed.
  std::string find(const char* where, const ClassifiedProtocol& protocol) const {
    const auto verdict = access.find(address(where), protocol);
    CHECK((verdict.grant != nullptr) == (verdict.decision == Decision::kAllowed));
    return verdict.grant == nullptr ? "" : verdict.grant->resource.id.value();
  }
  Decision decide(const char* where, const ClassifiedProtocol& protocol) const {
    return access.find(address(where), protocol).decision;
  }
};

CidrAddress cidr(const char* text) { return {IpPrefix::parse(text).value()}; }

TEST_CASE("nothing is reached without a grant") {
  World world;
  CHECK(world.decide("10.0.0.1", kToHttp) == Decision::kNotAllowed);
  CHECK(world.decide("8.8.8.8", kToHttp) == Decision::kNotAllowed);
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
  CHECK(world.decide("2001:db8::1", kToHttp) == Decision::kNotAllowed);
}

TEST_CASE("filters admit what they name: ports, any ICMP, and other protocols only when empty") {
  World world;
  world.grant("open", cidr("10.1.0.0/16"));
  world.grant("web", cidr("10.2.0.0/16"), {kHttp});
  world.grant("ping", cidr("10.3.0.0/16"), {kPing});
  const auto [what, protocol, open, web, ping] =
      GENERATE(table<const char*, ClassifiedProtocol, bool, bool, bool>({
          {"TCP 80", kToHttp, true, true, false},
          {"TCP 22", kToSsh, true, false, false},
          {"UDP 53", kToDns, true, false, false},
          {"ping", kEcho, true, false, true},
          {"ICMP that is no echo", kTimeExceeded, true, false, true},
          {"GRE", kGre, true, false, false},
      }));
  CAPTURE(what);
  CHECK(world.find("10.1.0.1", protocol) == (open ? "open" : ""));
  CHECK(world.find("10.2.0.1", protocol) == (web ? "web" : ""));
  CHECK(world.find("10.3.0.1", protocol) == (ping ? "ping" : ""));
}

TEST_CASE("resources on one network complement each other") {
  World world;
  world.grant("web", cidr("10.0.0.0/24"), {kHttp});
  world.grant("names", cidr("10.0.0.0/24"), {kDns});
  CHECK(world.find("10.0.0.1", kToHttp) == "web");
  CHECK(world.find("10.0.0.1", kToDns) == "names");
  CHECK(world.find("10.0.0.1", kToSsh).empty());
}

TEST_CASE("a network whose filters permit comes before a longer one that forbids") {
  World world;
  world.grant("wide", cidr("10.0.0.0/8"), {kDns});
  world.grant("narrow", cidr("10.0.0.0/24"), {kHttp});
  world.grant("host", cidr("10.0.0.1/32"), {kPing});
  CHECK(world.find("10.0.0.1", kToDns) == "wide");
  CHECK(world.find("10.0.0.1", kToHttp) == "narrow");
  CHECK(world.find("10.0.0.1", kEcho) == "host");
  CHECK(world.find("10.0.1.1", kToHttp).empty());
}

TEST_CASE("the longer network wins, then the higher id, in whatever order they were granted") {
  std::vector<std::pair<const char*, const char*>> all = {
      {"a", "10.0.0.0/8"}, {"b", "10.0.0.0/16"}, {"c", "10.0.0.0/16"}, {"d", "2001:db8::/32"}};
  std::sort(all.begin(), all.end());
  do {
    World world;
    for (const auto& [id, network] : all) world.grant(id, cidr(network));
    CHECK(world.find("10.0.0.1", kToHttp) == "c");
    CHECK(world.find("10.1.0.1", kToHttp) == "a");
    CHECK(world.find("2001:db8::1", kToHttp) == "d");
  } while (std::next_permutation(all.begin(), all.end()));
}

TEST_CASE("a network that covers the proxies does not open names") {
  World world;
  world.grant("carrier", cidr("100.64.0.0/10"));
  CHECK(world.decide("100.96.0.1", kToSsh) == Decision::kNotAllowed);
  world.grant("wiki", DnsAddress{"wiki.example.com"}, {kHttp});
  REQUIRE(world.assign("100.96.0.1", "wiki.example.com", "wiki"));
  CHECK(world.find("100.96.0.1", kToHttp) == "wiki");
  CHECK(world.find("100.96.0.1", kToSsh).empty());
}

TEST_CASE("of several patterns for one name the more specific counts, if it permits") {
  World world;
  world.grant("all", DnsAddress{"**.example.com"}, {kHttp, kDns});
  world.grant("one", DnsAddress{"wiki.example.com"}, {kHttp});
  REQUIRE(world.assign("100.96.0.1", "Wiki.Example.com", "all"));
  REQUIRE(world.assign("100.96.0.1", "wiki.example.com", "one"));
  CHECK(world.find("100.96.0.1", kToHttp) == "one");
  CHECK(world.find("100.96.0.1", kToDns) == "all");
  CHECK(world.find("100.96.0.1", kToSsh).empty());
}

TEST_CASE("a proxy leads nowhere while its resource is not granted, and on as before when it is") {
  World world;
  world.grant("wiki", DnsAddress{"*.example.com"});
  REQUIRE(world.assign("100.96.0.1", "wiki.example.com", "wiki"));
  world.revoke("wiki");
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
  world.grant("wiki", DnsAddress{"*.example.com"});
  CHECK(world.find("100.96.0.1", kToHttp) == "wiki");
}

TEST_CASE("a resource that got another pattern does not keep the names of the old one") {
  World world;
  world.grant("wiki", DnsAddress{"*.example.com"});
  REQUIRE(world.assign("100.96.0.1", "wiki.example.com", "wiki"));
  world.grant("wiki", DnsAddress{"*.example.org"});
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
  world.grant("wiki", cidr("10.0.0.0/8"));
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
}

TEST_CASE("a name that the pattern does not match is not reached by assigning it") {
  World world;
  world.grant("wiki", DnsAddress{"wiki.example.com"});
  REQUIRE(world.assign("100.96.0.1", "secret.example.com", "wiki"));
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
}

TEST_CASE("a pattern that is none matches nothing") {
  World world;
  world.grant("broken", DnsAddress{"a..b"});
  REQUIRE(world.assign("100.96.0.1", "a.b", "broken"));
  CHECK(world.decide("100.96.0.1", kToHttp) == Decision::kNotAllowed);
}

TEST_CASE("a proxy that changes its domain forgets the resources of the old one") {
  World world;
  world.grant("a", DnsAddress{"a.example"});
  world.grant("b", DnsAddress{"b.example"}, {kHttp});
  REQUIRE(world.assign("100.96.0.1", "a.example", "a"));
  REQUIRE(world.assign("100.96.0.1", "b.example", "b"));
  CHECK(world.find("100.96.0.1", kToHttp) == "b");
  CHECK(world.find("100.96.0.1", kToSsh).empty());
}

TEST_CASE("more proxies than there is room for are refused, known ones are not") {
  Grants grants(8);
  Access access(grants, 2);
  const auto name = dns::Name::parse("a.example").value();
  CHECK(access.assign(address("100.96.0.1"), name, ResourceId("a")));
  CHECK(access.assign(address("100.96.0.2"), name, ResourceId("a")));
  CHECK_FALSE(access.assign(address("100.96.0.3"), name, ResourceId("a")));
  CHECK(access.assign(address("100.96.0.1"), name, ResourceId("b")));
  CHECK(access.proxy_count() == 2);
  access.clear_proxies();
  CHECK(access.assign(address("100.96.0.3"), name, ResourceId("a")));
}

TEST_CASE("the Internet resource reaches the Internet, and proxies by their own filters") {
  World world;
  world.grant("internet", InternetAddress{});
  world.grant("wiki", DnsAddress{"wiki.example.com"}, {kHttp});
  REQUIRE(world.assign("100.96.0.1", "wiki.example.com", "wiki"));
  CHECK(world.find("8.8.8.8", kToSsh) == "internet");
  CHECK(world.find("2001:db8::1", kGre) == "internet");
  CHECK(world.find("100.96.0.1", kToHttp) == "wiki");
  CHECK(world.decide("100.96.0.1", kToSsh) == Decision::kNotAllowed);
  CHECK(world.decide("100.96.0.2", kToSsh) == Decision::kNotAllowed);
}

TEST_CASE("the Internet resource opens neither the gateway's LAN nor other devices") {
  World world;
  world.grant("internet", InternetAddress{});
  const char* where = GENERATE("192.168.1.1", "10.0.0.1", "172.16.0.1", "127.0.0.1",
                               "169.254.169.254", "100.64.0.7", "224.0.0.1", "255.255.255.255",
                               "::1", "fd00::1", "fe80::1", "ff02::1", "::ffff:10.0.0.1");
  CAPTURE(where);
  CHECK(world.decide(where, kToHttp) == Decision::kNotInternet);
}

TEST_CASE("networks are not consulted beside the Internet resource") {
  World world;
  world.grant("internet", InternetAddress{});
  world.grant("lab", cidr("10.0.0.0/8"));
  CHECK(world.decide("10.0.0.1", kToHttp) == Decision::kNotInternet);
  world.revoke("internet");
  CHECK(world.find("10.0.0.1", kToHttp) == "lab");
}

TEST_CASE("access agrees with trying every grant in turn") {
  std::mt19937 random(20260825);
  const auto draw = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
  for (int round = 0; round < 60; ++round) {
    Grants grants(256);
    Access access(grants, 64);
    for (uint32_t i = draw(40); i > 0; --i) {
      const Ipv4Address v4{{10, static_cast<uint8_t>(draw(2)), static_cast<uint8_t>(draw(4)), 0}};
      const auto network = IpPrefix::of(v4, static_cast<uint8_t>(8 + draw(20)));
      std::vector<Filter> filters;
      for (uint32_t n = draw(3); n > 0; --n) filters.push_back(draw(2) == 0 ? kHttp : kDns);
      grants.add({.resource = {.id = ResourceId(std::to_string(draw(60))),
                               .address = CidrAddress{*network},
                               .filters = filters}});
      if (draw(4) == 0) grants.remove(ResourceId(std::to_string(draw(60))));
    }
    access.rebuild();
    for (int i = 0; i < 100; ++i) {
      const IpAddress where =
          Ipv4Address{{10, static_cast<uint8_t>(draw(2)), static_cast<uint8_t>(draw(4)),
                       static_cast<uint8_t>(draw(256))}};
      const ClassifiedProtocol protocol = draw(2) == 0 ? kToHttp : kToDns;
      const Grant* best = nullptr;
      for (const auto& [id, grant] : grants.all()) {
        const IpPrefix& network = std::get<CidrAddress>(grant.resource.address).network;
        if (!network.contains(where) || !grant.filter.permits(protocol)) continue;
        const auto length = [](const Grant* g) {
          return std::get<CidrAddress>(g->resource.address).network.length();
        };
        // Ids ascend, so an equally long network that comes later has the higher id.
        if (best == nullptr || network.length() >= length(best)) best = &grant;
      }
      CHECK(access.find(where, protocol).grant == best);
    }
  }
}

}  // namespace
}  // namespace connlib::gateway
