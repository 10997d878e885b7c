#include "connlib/dns/sentinel_map.h"

#include <vector>

#include <catch2/catch.hpp>

#include "connlib/model/addressing.h"
#include "tests/support/packets.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using Change = SentinelMap::Change;
using Texts = std::vector<std::string>;

std::vector<IpAddress> ips(const Texts& texts) {
  std::vector<IpAddress> out;
  for (const auto& text : texts) out.push_back(address(text));
  return out;
}
Texts sentinels(const SentinelMap& map) {
  Texts out;
  for (const auto& mapping : map.mappings()) out.push_back(to_text(mapping.sentinel));
  return out;
}
Texts upstreams(const SentinelMap& map) {
  Texts out;
  for (const auto& mapping : map.mappings()) {
    const auto* do53 = std::get_if<Do53Server>(&mapping.upstream);
    out.push_back(do53 != nullptr ? to_text(do53->ip) : std::get<DohServer>(mapping.upstream).url);
  }
  return out;
}

TEST_CASE("the portal's plain servers go before its DoH servers before the system's") {
  SentinelMap map;
  CHECK(map.set_system(ips({"192.168.0.1"})) == Change::kRenumbered);
  CHECK(map.origin() == UpstreamOrigin::kSystem);
  map.set_portal({}, Texts{"https://dns.quad9.net/dns-query"});
  CHECK(map.origin() == UpstreamOrigin::kPortalDoh);
  CHECK(upstreams(map) == Texts{"https://dns.quad9.net/dns-query"});
  map.set_portal(ips({"1.1.1.1"}), Texts{"https://dns.quad9.net/dns-query"});
  CHECK(map.origin() == UpstreamOrigin::kPortalDo53);
  CHECK(upstreams(map) == Texts{"1.1.1.1"});
  CHECK(map.set_system(ips({"10.0.0.1"})) == Change::kNone);  // Not in effect.
  map.set_portal({}, {});
  CHECK(upstreams(map) == Texts{"10.0.0.1"});
}

TEST_CASE("sentinels are of the server's family, and of IPv4 for DoH") {
  SentinelMap map;
  map.set_portal(ips({"1.1.1.1", "2606:4700::1111", "1.0.0.1"}), {});
  CHECK(sentinels(map) ==
        Texts{"100.100.111.1", "fd00:2021:1111:8000:100:100:111:0", "100.100.111.2"});
  SentinelMap doh;
  doh.set_portal({}, Texts{"https://a/", "https://b/"});
  CHECK(sentinels(doh) == Texts{"100.100.111.1", "100.100.111.2"});
}

TEST_CASE("a changed set of servers moves every sentinel to one that was not in use") {
  SentinelMap map;
  map.set_system(ips({"192.0.2.1", "192.0.2.2"}));
  CHECK(sentinels(map) == Texts{"100.100.111.1", "100.100.111.2"});
  CHECK(map.set_system(ips({"192.0.2.1"})) == Change::kRenumbered);
  CHECK(sentinels(map) == Texts{"100.100.111.3"});
  CHECK(map.set_system(ips({"192.0.2.1", "192.0.2.3"})) == Change::kRenumbered);
  CHECK(sentinels(map) == Texts{"100.100.111.1", "100.100.111.2"});
}

TEST_CASE("a mere reorder follows the user's preference and renumbers nothing") {
  SentinelMap map;
  map.set_system(ips({"192.0.2.1", "192.0.2.2"}));
  CHECK(map.set_system(ips({"192.0.2.2", "192.0.2.1"})) == Change::kReordered);
  CHECK(upstreams(map) == Texts{"192.0.2.2", "192.0.2.1"});
  CHECK(sentinels(map) == Texts{"100.100.111.2", "100.100.111.1"});
  CHECK(map.set_system(ips({"192.0.2.2", "192.0.2.1"})) == Change::kNone);
}

TEST_CASE("lists keep their order, without repetitions and without our own sentinels") {
  SentinelMap map;
  const auto servers = ips({"192.0.2.9", "100.100.111.1", "192.0.2.1", "192.0.2.9",
                            "fd00:2021:1111:8000:100:100:111:0", "192.0.2.5"});
  const Texts expect{"192.0.2.9", "192.0.2.1", "192.0.2.5"};
  SECTION("the system's") { map.set_system(servers); }
  SECTION("the portal's") { map.set_portal(servers, {}); }
  CHECK(upstreams(map) == expect);
}

TEST_CASE("a portal list of nothing but sentinels leaves the system's servers in effect") {
  SentinelMap map;
  map.set_system(ips({"192.0.2.1"}));
  map.set_portal(ips({"100.100.111.1"}), {});
  CHECK(upstreams(map) == Texts{"192.0.2.1"});
}

TEST_CASE("no server, no sentinel") {
  SentinelMap map;
  map.set_system(ips({"192.0.2.1"}));
  CHECK(map.set_system({}) == Change::kRenumbered);
  CHECK(map.mappings().empty());
  CHECK(map.find(address("100.100.111.1")) == nullptr);
}

TEST_CASE("only mapped sentinels are found") {
  SentinelMap map;
  map.set_system(ips({"192.0.2.1"}));
  REQUIRE(map.find(address("100.100.111.1")) != nullptr);
  CHECK(*map.find(address("100.100.111.1")) == Upstream(Do53Server{address("192.0.2.1")}));
  CHECK(map.find(address("100.100.111.2")) == nullptr);
  CHECK(map.find(address("192.0.2.1")) == nullptr);
}

TEST_CASE("a list without end is cut, and can still be renumbered") {
  SentinelMap map;
  for (int round = 0; round < 5; ++round) {
    std::vector<IpAddress> many;
    for (uint8_t i = 0; i < 200; ++i) {
      many.emplace_back(Ipv4Address{{10, static_cast<uint8_t>(round), 0, i}});
    }
    map.set_system(many);
    CHECK(map.mappings().size() == SentinelMap::kMaxServers);
    for (const auto& text : sentinels(map)) CHECK(kSentinelRange.contains(address(text)));
  }
}

}  // namespace
}  // namespace connlib::dns
