#include <algorithm>

#include <catch2/catch.hpp>

#include "connlib/portal/channel_event.h"
#include "connlib/portal/server/portal_world.h"

// What an administrator takes back, or time does, is gone at once for everybody concerned (spec
// portal-protocol 4.5, 6.5).
namespace connlib::portal::server {
namespace {

using Frames = std::vector<std::string>;

const std::string kRejected = write_push(
    "gateway", "reject_access",
    R"({"client_id":"8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01","resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04"})");
const std::string kDeleted =
    R"({"topic":"client","event":"resource_deleted","payload":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04","ref":null})";

// A client that has GitLab on a gateway.
struct Authorized : PortalWorld {
  SessionId gateway_session = joined_gateway();
  SessionId client_session = joined_client();
  Authorized() { authorize(client_session, gateway_session, kGitLab); }

  policy::Directory& directory() { return account.directory; }
  Resource gitlab() { return *directory().find_resource(ResourceId(kGitLab)); }
};

TEST_CASE("who loses a resource is told, and the gateway enforces it") {
  Authorized world;
  SECTION("the policy is removed") {
    world.directory().remove_policy(policy::PolicyId(kGitLabPolicy));
  }
  SECTION("the policy is disabled") {
    policy::Policy policy{policy::PolicyId(kGitLabPolicy), policy::GroupId(kStaff),
                          ResourceId(kGitLab)};
    policy.is_disabled = true;
    REQUIRE(world.directory().set_policy(policy).ok());
  }
  SECTION("the membership ends") {
    world.directory().remove_member(policy::GroupId(kStaff), policy::ActorId(kJane));
  }
  SECTION("the group is removed") { world.directory().remove_group(policy::GroupId(kStaff)); }
  SECTION("the resource is removed") { world.directory().remove_resource(ResourceId(kGitLab)); }
  SECTION("a condition is added that fails") {
    REQUIRE(world.directory()
                .set_policy({policy::PolicyId(kGitLabPolicy),
                             policy::GroupId(kStaff),
                             ResourceId(kGitLab),
                             "",
                             {policy::SourceCondition{true, {*IpPrefix::parse("10.0.0.0/8")}}}})
                .ok());
  }
  world.apply();
  CHECK(world.heard(world.gateway_session) == Frames{kRejected});
  CHECK(world.heard(world.client_session) == Frames{kDeleted});
  CHECK(world.grants.empty());
  world.apply();  // Nothing changed.
  CHECK(world.heard(world.gateway_session).empty());
  CHECK(world.heard(world.client_session).empty());
}

TEST_CASE("a grant outlives its policy while another one grants as much") {
  Authorized world;
  const policy::GroupId everyone("8c1d5d0e-1111-4a51-9b8a-0a1b2c3d4e5f");
  world.directory().set_group({everyone, "Everyone", policy::Group::Kind::kEveryone});
  REQUIRE(world.directory()
              .set_policy({policy::PolicyId(kLabPolicy), everyone, ResourceId(kGitLab)})
              .ok());
  world.directory().remove_policy(policy::PolicyId(kGitLabPolicy));
  world.apply();
  CHECK(world.heard(world.gateway_session).empty());
  CHECK(world.heard(world.client_session).empty());
  CHECK(world.grants.size() == 1);
}

TEST_CASE("a resource that moved is another one: its grants are void, its list entry is new") {
  Authorized world;
  Resource moved = world.gitlab();
  moved.address = DnsAddress{"git.mycorp.com"};
  REQUIRE(world.directory().set_resource(moved).ok());
  world.apply();
  CHECK(world.heard(world.gateway_session) == Frames{kRejected});
  CHECK(world.events(world.client_session) == Frames{"resource_created_or_updated"});
}

TEST_CASE("other filters are an update for every gateway and for clients, and end nothing") {
  Authorized world;
  const SessionId bystander = world.joined_gateway({.external_id = "other", .key = 0x44});
  Resource filtered = world.gitlab();
  filtered.filters = {{Filter::Protocol::kTcp}};
  REQUIRE(world.directory().set_resource(filtered).ok());
  world.apply();
  const Frames updated{write_push(
      "gateway", "resource_updated",
      R"({"id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04","type":"dns","address":"*.gitlab.mycorp.com","name":"GitLab","filters":[{"protocol":"tcp"}]})")};
  CHECK(world.heard(world.gateway_session) == updated);
  CHECK(world.heard(bystander) == updated);
  CHECK(world.events(world.client_session) == Frames{"resource_created_or_updated"});
  CHECK(world.grants.size() == 1);
}

TEST_CASE("of one change deletions are told before additions") {
  Authorized world;
  world.directory().remove_policy(policy::PolicyId(kGitLabPolicy));
  REQUIRE(world.directory()
              .set_policy({policy::PolicyId(kLabPolicy), policy::GroupId(kStaff), ResourceId(kLab)})
              .ok());
  world.apply();
  CHECK(world.events(world.client_session) ==
        Frames{"resource_deleted", "resource_created_or_updated"});
}

TEST_CASE("a renamed site is shown to clients and means nothing else") {
  Authorized world;
  const Site renamed{SiteId(kSiteId), "Head quarters"};
  world.directory().set_site(renamed);
  Resource gitlab = world.gitlab();
  gitlab.sites = {renamed};
  REQUIRE(world.directory().set_resource(gitlab).ok());
  world.apply();
  CHECK(world.heard(world.gateway_session).empty());
  const Frames heard = world.heard(world.client_session);
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].find("Head quarters") != std::string::npos);
}

TEST_CASE("other resolvers are told to clients") {
  Authorized world;
  world.account.dns = {.upstream_doh = {"https://dns.quad9.net/dns-query"}};
  world.apply();
  CHECK(world.heard(world.client_session) ==
        Frames{write_push(
            "client", "config_changed",
            R"({"interface":{"ipv4":"100.64.0.7","ipv6":"fd00:2021:1111::7","upstream_do53":[],)"
            R"("upstream_doh":[{"url":"https://dns.quad9.net/dns-query"}],"upstream_dns":[],)"
            R"("search_domain":null}})")});
  CHECK(world.heard(world.gateway_session).empty());
}

TEST_CASE("a disabled or removed actor is logged out and loses everything") {
  Authorized world;
  SECTION("disabled") { world.directory().set_actor({policy::ActorId(kJane), "Jane Doe", true}); }
  SECTION("removed") { world.directory().remove_actor(policy::ActorId(kJane)); }
  world.apply();
  CHECK(world.heard(world.gateway_session) == Frames{kRejected});
  CHECK(world.events(world.client_session) == Frames{"disconnect", "phx_close"});
  CHECK(world.closed(world.client_session).has_value());
  CHECK(world.grants.empty());
}

TEST_CASE("a revoked token ends its sessions, and what was granted with it") {
  Authorized world;
  const SessionId relay = world.joined_relay(stamp_secret());
  world.portal->handle_token_revoked(world.now, TokenId("jane"));
  world.pump();
  CHECK(world.heard(world.gateway_session) == Frames{kRejected});
  CHECK(world.events(world.client_session) == Frames{"disconnect", "phx_close"});
  world.portal->handle_token_revoked(world.now, TokenId("hq"));
  world.pump();
  CHECK(world.events(world.gateway_session) == Frames{"disconnect", "phx_close"});
  world.portal->handle_token_revoked(world.now, TokenId("relays"));
  world.pump();
  CHECK(world.heard(relay).empty());
  CHECK(world.closed(relay) == kCloseGoingAway);
}

TEST_CASE("grants of an older token remain when the client signs in with another") {
  Authorized world;
  const SessionId newer = world.joined_client({.token = "jane, again"});
  CHECK(world.heard(world.gateway_session).empty());
  world.portal->handle_token_revoked(world.now, TokenId("jane"));
  world.pump();
  CHECK(world.heard(world.gateway_session) == Frames{kRejected});
  CHECK(world.heard(newer).empty());
  CHECK_FALSE(world.closed(newer).has_value());
}

TEST_CASE("a device that is verified no longer loses what asked for that") {
  PortalWorld world;
  world.portal->handle_device_verified(world.now, DeviceId(kClientId), true);
  REQUIRE(world.account.directory
              .set_policy({policy::PolicyId(kGitLabPolicy),
                           policy::GroupId(kStaff),
                           ResourceId(kGitLab),
                           "",
                           {policy::VerifiedCondition{}}})
              .ok());
  world.apply();
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.authorize(client, gateway, kGitLab);
  world.portal->handle_device_verified(world.now, DeviceId(kClientId), false);
  world.pump();
  CHECK(world.heard(gateway) == Frames{kRejected});
  CHECK(world.heard(client) == Frames{kDeleted});
}

TEST_CASE("a client that moves to where a policy does not hold loses its grants") {
  PortalWorld world;
  REQUIRE(world.account.directory
              .set_policy({policy::PolicyId(kGitLabPolicy),
                           policy::GroupId(kStaff),
                           ResourceId(kGitLab),
                           "",
                           {policy::SourceCondition{true, {*IpPrefix::parse("198.51.100.0/24")}}}})
              .ok());
  world.apply();
  const SessionId gateway = world.joined_gateway();
  world.authorize(world.joined_client(), gateway, kGitLab);
  world.joined_client({.source = "198.51.100.99"});
  CHECK(world.heard(gateway).empty());
  world.joined_client({.source = "203.0.113.7"});
  CHECK(world.heard(gateway) == Frames{kRejected});
  CHECK(world.grants.empty());
}

TEST_CASE("a removed device loses its grants, and comes back as another one") {
  Authorized world;
  SECTION("a client") {
    world.portal->handle_device_removed(world.now, DeviceId(kClientId));
    world.devices.erase(DeviceId(kClientId));
    world.pump();
    CHECK(world.heard(world.gateway_session) == Frames{kRejected});
    CHECK(world.heard(world.client_session).empty());  // Not logged out.
    CHECK(world.closed(world.client_session) == kCloseServiceRestart);
    world.joined_client();
    CHECK(world.devices.size() == 2);
  }
  SECTION("a gateway") {
    world.portal->handle_device_removed(world.now, DeviceId(kGatewayId));
    world.devices.erase(DeviceId(kGatewayId));
    world.pump();
    CHECK(world.closed(world.gateway_session) == kCloseServiceRestart);
  }
  CHECK(world.grants.empty());
}

TEST_CASE("what a client waits for is revoked before it is told of it") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.say(client, "client", "request_authorization",
            R"({"resource_id":")" + kGitLab + R"(","connected_gateway_ids":[]})");
  const std::string ref = world.value_of(gateway, "ref");
  world.account.directory.remove_policy(policy::PolicyId(kGitLabPolicy));
  world.apply();
  // Behind the authorization, which it must not overtake.
  CHECK(world.events(gateway) == Frames{"create_authorization", "reject_access"});
  CHECK(world.events(client) == Frames{"authorization_creation_failed", "resource_deleted"});
  world.say(gateway, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 4);
  CHECK(world.heard(gateway) == Frames{write_error_reply("gateway", 4, "invalid_ref")});
  CHECK(world.heard(client).empty());
}

TEST_CASE("a grant that ends by itself is forgotten, and nobody needs to be told") {
  Authorized world;
  const absl::Duration left = kSessionEnd - kMorning;
  for (absl::Duration gone; gone + absl::Seconds(30) < left; gone += absl::Seconds(30)) {
    world.run_for(30s);
    world.text(world.gateway_session,
               R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":1})");
    world.heard(world.gateway_session);
  }
  CHECK(world.grants.size() == 1);
  world.run_for(30s);
  CHECK(world.grants.empty());
  CHECK(world.heard(world.gateway_session).empty());
  const auto is_removal = [](const Record& record) {
    return std::holds_alternative<GrantRemoved>(record);
  };
  CHECK(std::count_if(world.records.begin(), world.records.end(), is_removal) == 1);
}

TEST_CASE("when hours end the resource goes, when they begin it comes, without being polled") {
  PortalWorld world;
  // kMorning is Monday 2026-09-21, 10:00 UTC.
  const auto hours = policy::DayTimes::parse("M/09-10:00:20,10:00:40-24:00/UTC");
  REQUIRE(hours.ok());
  REQUIRE(world.account.directory
              .set_policy({policy::PolicyId(kGitLabPolicy),
                           policy::GroupId(kStaff),
                           ResourceId(kGitLab),
                           "",
                           {policy::TimeCondition{policy::WeeklyTimes({*hours})}}})
              .ok());
  world.apply();
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.authorize(client, gateway, kGitLab);
  world.run_for(20s - 1ms);
  CHECK(world.heard(client).empty());
  world.run_for(1ms);
  CHECK(world.heard(client) == Frames{kDeleted});
  CHECK(world.heard(gateway).empty());  // It has the end of the grant.
  CHECK(world.grants.empty());
  world.text(client, R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":1})");
  CHECK(world.events(client) == Frames{"phx_reply"});
  world.run_for(20s);
  CHECK(world.events(client) == Frames{"resource_created_or_updated"});
}

}  // namespace
}  // namespace connlib::portal::server
