#include "connlib/routing/packet_filter.h"

#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"

namespace connlib::routing {
namespace {

constexpr auto kTcp = Filter::Protocol::kTcp;
constexpr auto kUdp = Filter::Protocol::kUdp;
constexpr auto kIcmp = Filter::Protocol::kIcmp;

Filter random_filter(SeededRandom& random) {
  // A small space, so that ranges touch, nest and overlap; some are reversed.
  return {static_cast<Filter::Protocol>(random.below(3)), static_cast<uint16_t>(random.below(40)),
          static_cast<uint16_t>(random.below(40))};
}

bool by_the_list(const std::vector<Filter>& filters, const ClassifiedProtocol& protocol) {
  const auto* known = std::get_if<Protocol>(&protocol);
  return connlib::permits(filters, filter_protocol(protocol), known == nullptr ? 0 : known->value);
}

}  // namespace

TEST_CASE("the filter icmp admits every ICMP type, and no list admits protocols it cannot name") {
  const std::vector<Filter> icmp{{kIcmp}};
  const std::vector<Filter> web{{kTcp, 443, 443}};
  struct Row {
    const char* what;
    ClassifiedProtocol protocol;
    bool by_icmp;
    bool by_web;
  };
  const auto row = GENERATE(values<Row>({
      {"echo", Protocol::icmp_echo(9), true, false},
      {"another ICMPv4 type", UnsupportedProtocol::kIcmpv4Type, true, false},
      {"another ICMPv6 type", UnsupportedProtocol::kIcmpv6Type, true, false},
      {"GRE, say", UnsupportedProtocol::kIpPayload, false, false},
      {"web", Protocol::tcp(443), false, true},
      {"QUIC", Protocol::udp(443), false, false},
  }));
  CAPTURE(row.what);
  CHECK(PacketFilter(icmp).permits(row.protocol) == row.by_icmp);
  CHECK(PacketFilter(web).permits(row.protocol) == row.by_web);
  CHECK(PacketFilter(std::vector<Filter>()).permits(row.protocol));
  CHECK_FALSE(PacketFilter::permit_nothing().permits(row.protocol));
}

TEST_CASE("a union permits what one of its resources permits") {
  auto both = PacketFilter::permit_nothing();
  both.add(std::vector<Filter>{{kTcp, 80, 80}});
  both.add(std::vector<Filter>{{kUdp, 53, 53}});
  CHECK(both.permits(Protocol::tcp(80)));
  CHECK(both.permits(Protocol::udp(53)));
  CHECK_FALSE(both.permits(Protocol::tcp(53)));
  both.add({});  // One resource without filters opens everything.
  CHECK(both.permits(UnsupportedProtocol::kIpPayload));
}

TEST_CASE("a range may end at the last port and begin at the first") {
  const PacketFilter all(std::vector<Filter>{{kTcp, 0, 65535}});
  CHECK(all.permits(Protocol::tcp(0)));
  CHECK(all.permits(Protocol::tcp(65535)));
  const PacketFilter last(std::vector<Filter>{{kTcp, 65535, 65535}, {kTcp, 0, 0}});
  CHECK(last.permits(Protocol::tcp(0)));
  CHECK(last.permits(Protocol::tcp(65535)));
  CHECK_FALSE(last.permits(Protocol::tcp(1)));
}

TEST_CASE("a compiled filter agrees with the rule for lists on random input") {
  SeededRandom random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<Filter> filters;
    for (uint64_t n = random.below(8); n > 0; --n) filters.push_back(random_filter(random));
    const PacketFilter compiled(filters);
    for (uint16_t port = 0; port < 41; ++port) {
      for (const auto kind : {Protocol::Kind::kTcp, Protocol::Kind::kUdp}) {
        REQUIRE(compiled.permits(Protocol{kind, port}) ==
                by_the_list(filters, Protocol{kind, port}));
      }
    }
    REQUIRE(compiled.permits(Protocol::icmp_echo(1)) ==
            by_the_list(filters, Protocol::icmp_echo(1)));
    REQUIRE(compiled.permits(UnsupportedProtocol::kIpPayload) ==
            by_the_list(filters, UnsupportedProtocol::kIpPayload));
  }
}

}  // namespace connlib::routing
