#include "connlib/portal/server/grants.h"

#include <catch2/catch.hpp>

namespace connlib::portal::server {
namespace {

const ClientId kAlice("alice");
const ClientId kBob("bob");
const GatewayId kHq("hq");
const GatewayId kLab("lab");
const ResourceId kWiki("wiki");
const ResourceId kGit("git");
const absl::Time kNoon = absl::FromUnixSeconds(1790000000);

GrantRow grant(const ClientId& client, const ResourceId& resource, const GatewayId& gateway,
               std::optional<absl::Time> expires_at = std::nullopt) {
  GrantRow row;
  row.key = {client, resource, gateway};
  row.expires_at = expires_at;
  return row;
}

TEST_CASE("of grants for the same client, resource and gateway the latest counts") {
  Grants grants;
  CHECK_FALSE(grants.store(grant(kAlice, kWiki, kHq, kNoon)).has_value());
  grants.store(grant(kAlice, kWiki, kHq, kNoon + absl::Hours(1)));
  CHECK(grants.size() == 1);
  CHECK(grants.take_expired(kNoon).empty());
  CHECK(grants.next_expiry() == kNoon + absl::Hours(1));
  CHECK(grants.find({kAlice, kWiki, kHq})->expires_at == kNoon + absl::Hours(1));
}

TEST_CASE("grants are found by client and by gateway") {
  Grants grants;
  grants.store(grant(kBob, kWiki, kHq));
  grants.store(grant(kAlice, kWiki, kHq));
  grants.store(grant(kAlice, kGit, kLab));
  CHECK(grants.of_client(kAlice).size() == 2);
  const auto on_hq = grants.on_gateway(kHq);
  REQUIRE(on_hq.size() == 2);
  CHECK(on_hq[0]->key.client == kAlice);
  CHECK(grants.connects(kAlice, kLab));
  CHECK_FALSE(grants.connects(kBob, kLab));
  CHECK(grants.remove({kAlice, kGit, kLab}).has_value());
  CHECK_FALSE(grants.remove({kAlice, kGit, kLab}).has_value());
  CHECK_FALSE(grants.connects(kAlice, kLab));
  CHECK(grants.on_gateway(kLab).empty());
  CHECK(grants.all().size() == 2);
}

TEST_CASE("grants end by themselves, those without end never") {
  Grants grants;
  grants.store(grant(kAlice, kWiki, kHq, kNoon));
  grants.store(grant(kAlice, kGit, kHq));
  CHECK(grants.take_expired(kNoon - absl::Seconds(1)).empty());
  const auto expired = grants.take_expired(kNoon);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].key.resource == kWiki);
  CHECK(grants.take_expired(kNoon + absl::Hours(24 * 365)).empty());
  CHECK_FALSE(grants.next_expiry().has_value());
}

TEST_CASE("a client with too many grants loses the one that would end first") {
  Grants grants;
  grants.store(grant(kAlice, kWiki, kHq, kNoon));
  for (size_t i = 1; i < kMaxGrantsPerClient; ++i) {
    grants.store(grant(kAlice, ResourceId(std::to_string(i)), kHq));
  }
  CHECK_FALSE(grants.store(grant(kAlice, kWiki, kHq, kNoon)).has_value());
  const auto evicted = grants.store(grant(kAlice, kGit, kHq));
  REQUIRE(evicted.has_value());
  CHECK(evicted->key.resource == kWiki);
  CHECK(grants.of_client(kAlice).size() == kMaxGrantsPerClient);
}

TEST_CASE("the route of a resource is another one when its traffic would go elsewhere") {
  const Site hq{SiteId("hq"), "HQ"};
  const Resource wiki{.id = kWiki, .name = "Wiki", .address = DnsAddress{"wiki"}, .sites = {hq}};
  const auto changed = [&](auto change) {
    Resource other = wiki;
    change(other);
    return route_of(other) != route_of(wiki);
  };
  CHECK(changed([](Resource& r) { r.address = DnsAddress{"wiki2"}; }));
  CHECK(changed([](Resource& r) { r.address = DnsAddress{"wiki", IpStack::kIpv4Only}; }));
  CHECK(changed([](Resource& r) { r.address = InternetAddress{}; }));
  CHECK(changed([](Resource& r) { r.address = CidrAddress{}; }));
  CHECK(changed([](Resource& r) { r.sites = {Site{SiteId("lab"), "HQ"}}; }));
  CHECK_FALSE(changed([](Resource& r) { r.sites[0].name = "Head quarters"; }));
  CHECK_FALSE(changed([](Resource& r) { r.filters = {Filter{}}; }));
  CHECK_FALSE(changed([](Resource& r) { r.name = "The wiki"; }));
}

}  // namespace
}  // namespace connlib::portal::server
