#include "connlib/routing/route_table.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/packets.h"

namespace connlib::routing {
namespace {

using testing::address;

constexpr auto kTcp = Filter::Protocol::kTcp;
constexpr auto kUdp = Filter::Protocol::kUdp;

IpPrefix network(std::string_view text) { return IpPrefix::parse(text).value(); }
ResourceId id(std::string text) { return ResourceId(std::move(text)); }

// add() is one resource with one route.
void add(RouteTable& table, const std::string& resource, std::string_view prefix,
         const std::vector<Filter>& filters = {}, std::string_view pattern = {}) {
  table.set_filters(id(resource), filters);
  REQUIRE(table.add_route(network(prefix), id(resource), pattern));
}

// The name of what is found; with "!" in front where it rejects, "-" for nothing.
std::string found(RouteTable& table, std::string_view ip,
                  const ClassifiedProtocol& protocol = Protocol::tcp(80)) {
  const auto match = table.find(address(ip), protocol);
  if (!match) return "-";
  return (match->is_permitted ? "" : "!") + match->resource->value();
}

}  // namespace

TEST_CASE("two resources on one network complement each other by their filters") {
  RouteTable table;
  add(table, "web", "10.0.0.0/24", {{kTcp, 80, 80}});
  add(table, "dns", "10.0.0.0/24", {{kUdp, 53, 53}});
  CHECK(found(table, "10.0.0.1", Protocol::tcp(80)) == "web");
  CHECK(found(table, "10.0.0.1", Protocol::udp(53)) == "dns");
  CHECK(found(table, "10.0.0.1", Protocol::tcp(53)) == "!web");  // The higher id rejects.
}

TEST_CASE("a filter that permits beats a longer network that rejects") {
  RouteTable table;
  add(table, "wide", "10.0.0.0/8");
  add(table, "narrow", "10.0.0.0/24", {{kTcp, 443, 443}});
  CHECK(found(table, "10.0.0.1", Protocol::tcp(443)) == "narrow");
  CHECK(found(table, "10.0.0.1", Protocol::tcp(80)) == "wide");
  CHECK(found(table, "10.0.1.1", Protocol::tcp(443)) == "wide");
}

TEST_CASE("among equals the more specific pattern, the longer network, the higher id win") {
  RouteTable table;
  add(table, "a", "100.96.0.1/32", {}, "*.example.com");
  add(table, "z", "100.96.0.1/32", {}, "**.example.com");
  CHECK(found(table, "100.96.0.1") == "a");
  add(table, "b", "100.96.0.1/32", {}, "app.example.com");
  CHECK(found(table, "100.96.0.1") == "b");

  add(table, "c", "10.0.0.0/8");
  add(table, "d", "10.1.0.0/16");
  CHECK(found(table, "10.1.0.1") == "d");
  add(table, "e", "10.1.0.0/16");
  CHECK(found(table, "10.1.0.1") == "e");
}

TEST_CASE("a pattern beats any network, be it as long") {
  RouteTable table;
  add(table, "z", "100.96.0.1/32");
  add(table, "a", "100.96.0.1/32", {}, "*.com");
  CHECK(found(table, "100.96.0.1") == "a");
}

TEST_CASE("what is no TCP, UDP or ICMP reaches only resources without filters") {
  RouteTable table;
  add(table, "web", "10.0.0.0/24", {{kTcp, 80, 80}});
  CHECK(found(table, "10.0.0.1", UnsupportedProtocol::kIpPayload) == "!web");
  add(table, "all", "10.0.0.0/24");
  CHECK(found(table, "10.0.0.1", UnsupportedProtocol::kIpPayload) == "all");
}

TEST_CASE("every change shows at once, whatever was asked before") {
  RouteTable table;
  CHECK(found(table, "10.0.0.1") == "-");
  add(table, "a", "10.0.0.0/24");
  CHECK(found(table, "10.0.0.1") == "a");
  table.set_filters(id("a"), std::vector<Filter>{{kUdp, 1, 2}});
  CHECK(found(table, "10.0.0.1") == "!a");
  add(table, "b", "10.0.0.0/8");
  CHECK(found(table, "10.0.0.1") == "b");
  table.remove(id("b"));
  CHECK(found(table, "10.0.0.1") == "!a");
  table.remove_routes(id("a"));
  CHECK(found(table, "10.0.0.1") == "-");
  CHECK(table.contains(id("a")));
}

TEST_CASE(
    "a removed resource leaves those on the same network alone, and its place is used again") {
  RouteTable table;
  add(table, "a", "10.0.0.0/24");
  add(table, "b", "10.0.0.0/24");
  REQUIRE(table.add_route(network("fd00::/64"), id("b")));
  table.remove(id("b"));
  table.remove(id("b"));
  CHECK(found(table, "10.0.0.1") == "a");
  CHECK(found(table, "fd00::1") == "-");
  CHECK_FALSE(table.has_route(address("fd00::1")));
  add(table, "c", "fd00::/64", {{kTcp, 1, 1}});
  CHECK(found(table, "fd00::1") == "!c");
  CHECK(table.has_route(address("fd00::1")));
  CHECK(table.resource_count() == 2);
}

TEST_CASE("a route of an unknown resource is refused") {
  RouteTable table;
  CHECK_FALSE(table.add_route(network("10.0.0.0/8"), id("a")));
  CHECK_FALSE(table.has_route(address("10.0.0.1")));
}

TEST_CASE("the same route twice counts once, by the more specific pattern") {
  RouteTable table;
  add(table, "a", "100.96.0.1/32", {}, "**.example.com");
  add(table, "b", "100.96.0.1/32", {}, "*.example.com");
  REQUIRE(table.add_route(network("100.96.0.1/32"), id("a"), "app.example.com"));
  CHECK(found(table, "100.96.0.1") == "a");
  REQUIRE(table.add_route(network("100.96.0.1/32"), id("a"), "**.com"));
  CHECK(found(table, "100.96.0.1") == "a");
  table.remove_routes(id("a"));
  CHECK(found(table, "100.96.0.1") == "b");
}

TEST_CASE("one network takes a limited number of resources") {
  RouteTable table;
  for (size_t i = 0; i < RouteTable::kMaxRoutesPerNetwork; ++i) {
    add(table, std::to_string(i), "10.0.0.0/8");
  }
  table.set_filters(id("late"), {});
  CHECK_FALSE(table.add_route(network("10.0.0.0/8"), id("late")));
  CHECK(table.add_route(network("10.0.0.0/9"), id("late")));
  table.remove(id("0"));
  CHECK(table.add_route(network("10.0.0.0/8"), id("late")));
}

namespace {

struct SlowRoute {
  IpPrefix network;
  std::string resource;
  std::string pattern;
  std::vector<Filter> filters;
};

// The rule of the specification, by sorting everything.
std::string slow_choice(const std::vector<SlowRoute>& routes, const IpAddress& ip,
                        const Protocol& protocol) {
  const SlowRoute* best = nullptr;
  const auto permits = [&](const SlowRoute& r) {
    return connlib::permits(r.filters, filter_protocol(protocol), protocol.value);
  };
  const auto rank = [&](const SlowRoute& r) {
    const auto specificity = r.pattern.empty() ? Specificity() : Specificity(r.pattern);
    return std::make_tuple(!permits(r), specificity, -r.network.length());
  };
  for (const SlowRoute& route : routes) {
    if (!route.network.contains(ip)) continue;
    if (best == nullptr || rank(route) < rank(*best) ||
        (rank(route) == rank(*best) && route.resource > best->resource)) {
      best = &route;
    }
  }
  if (best == nullptr) return "-";
  return (permits(*best) ? "" : "!") + best->resource;
}

std::vector<SlowRoute> random_routes(SeededRandom& random) {
  const char* const patterns[] = {"", "", "*.b", "**.b", "a.b", "?.b"};
  std::vector<SlowRoute> out;
  for (int i = 0; i < 12; ++i) {
    Ipv4Address v4{{10, 0, static_cast<uint8_t>(random.below(2)), 0}};
    SlowRoute route{IpPrefix::of(v4, static_cast<uint8_t>(20 + random.below(13))).value(),
                    std::to_string(i),
                    patterns[random.below(6)],
                    {}};
    for (uint64_t n = random.below(3); n > 0; --n) {
      const auto port = static_cast<uint16_t>(random.below(4));
      route.filters.push_back({random.below(2) == 0 ? kTcp : kUdp, port, port});
    }
    out.push_back(route);
  }
  return out;
}

}  // namespace

TEST_CASE("routes are chosen by the rule, not by the order in which they came") {
  const auto seed = GENERATE(range(1, 41));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  auto routes = random_routes(random);
  RouteTable table;
  RouteTable reversed;
  for (const SlowRoute& r : routes) {
    table.set_filters(id(r.resource), r.filters);
    table.add_route(r.network, id(r.resource), r.pattern);
  }
  std::reverse(routes.begin(), routes.end());
  for (const SlowRoute& r : routes) {
    reversed.set_filters(id(r.resource), r.filters);
    reversed.add_route(r.network, id(r.resource), r.pattern);
  }
  for (int i = 0; i < 200; ++i) {
    const Ipv4Address v4{{10, 0, static_cast<uint8_t>(random.below(3)), 0}};
    const auto kind = random.below(2) == 0 ? Protocol::Kind::kTcp : Protocol::Kind::kUdp;
    const Protocol protocol{kind, static_cast<uint16_t>(random.below(4))};
    const std::string expected = slow_choice(routes, v4, protocol);
    REQUIRE(found(table, to_text(IpAddress(v4)), protocol) == expected);
    REQUIRE(found(reversed, to_text(IpAddress(v4)), protocol) == expected);
  }
}

}  // namespace connlib::routing
