#include <catch2/catch.hpp>

#include "connlib/portal/channel_event.h"
#include "connlib/portal/server/portal_world.h"

// What gateways and relays hear, letter by letter (spec portal-protocol 4, 5, 7).
namespace connlib::portal::server {
namespace {

using Frames = std::vector<std::string>;

TEST_CASE("a gateway that joins is told its addresses and every grant that it shall keep") {
  PortalWorld world;
  world.authorize(world.joined_client(), world.joined_gateway(), kGitLab);
  const SessionId again = world.gateway();
  world.text(again, R"({"topic":"gateway","event":"phx_join","payload":null,"ref":0})");
  CHECK(
      world.heard(again) ==
      Frames{
          R"({"topic":"gateway","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":0})",
          R"({"topic":"gateway","event":"init","payload":{"interface":{"ipv4":"100.64.0.9",)"
          R"("ipv6":"fd00:2021:1111::9"},"config":{"ipv4_masquerade_enabled":true,)"
          R"("ipv6_masquerade_enabled":true},"relays":[],"authorizations":[)"
          R"({"client_id":"8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01",)"
          R"("resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04","expires_at":1790000000}],)"
          R"("account_slug":"mycorp","flow_logs":{"api_url":"https://portal.example.com/",)"
          R"("upload_interval_secs":0,"upload_batch_size":0}},"ref":null})"});
}

TEST_CASE("grants survive a restart of the portal, for gateways that come back") {
  PortalWorld world;
  world.authorize(world.joined_client(), world.joined_gateway(), kGitLab);
  REQUIRE(world.grants.size() == 1);
  world.restart();
  const SessionId gateway = world.gateway();
  world.say(gateway, "gateway", "phx_join", "null", 0);
  const std::string init = world.heard(gateway).at(1);
  CHECK(init.find(R"("authorizations":[{"client_id":"8f2c1f6e)") != std::string::npos);
  const SessionId client = world.joined_client();
  world.say(client, "client", "new_gateway_ice_candidates",
            R"({"gateway_id":")" + kGatewayId +
                R"(","candidates":["candidate:1 1 udp 1 192.0.2.1 1 typ host"]})");
  CHECK(world.events(gateway) == Frames{"ice_candidates"});
}

TEST_CASE("what was taken back while the portal was away is not listed after its restart") {
  PortalWorld world;
  world.authorize(world.joined_client(), world.joined_gateway(), kGitLab);
  SECTION("the policy is gone") {
    world.account.directory.remove_policy(policy::PolicyId(kGitLabPolicy));
  }
  SECTION("the resource has moved") {
    Resource moved = *world.account.directory.find_resource(ResourceId(kGitLab));
    moved.address = DnsAddress{"git.mycorp.com"};
    REQUIRE(world.account.directory.set_resource(moved).ok());
  }
  SECTION("the client's device is gone") { world.devices.erase(DeviceId(kClientId)); }
  SECTION("it has ended by itself") { world.now += 24h; }
  world.restart();
  CHECK(world.grants.empty());
  const SessionId gateway = world.gateway();
  world.say(gateway, "gateway", "phx_join", "null", 0);
  CHECK(world.heard(gateway).at(1).find(R"("authorizations":[])") != std::string::npos);
}

TEST_CASE("a gateway that connects anew takes over, and the older socket is no logout") {
  PortalWorld world;
  const SessionId older = world.joined_gateway();
  const SessionId newer = world.joined_gateway();
  CHECK(world.heard(older).empty());
  CHECK(world.closed(older) == kCloseServiceRestart);
  world.hang_up(older);
  const SessionId client = world.joined_client();
  world.authorize(client, newer, kGitLab);
}

TEST_CASE("a gateway that is connected under another token stays") {
  PortalWorld world;
  const SessionId present = world.joined_gateway();
  const UpgradeRefusal refusal = world.refused(
      Role::kGateway, GatewayToken{.id = TokenId("another"), .site = SiteId(kSiteId)});
  CHECK(refusal.code == UpgradeRefusal::Code::kGatewayAlreadyConnected);
  CHECK_FALSE(world.closed(present).has_value());
}

TEST_CASE("only the gateway that was asked can say that it is ready") {
  PortalWorld world;
  const SessionId asked = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.say(client, "client", "request_authorization",
            R"({"resource_id":")" + kGitLab + R"(","connected_gateway_ids":[]})");
  const std::string ref = world.value_of(asked, "ref");
  const SessionId liar = world.joined_gateway({.external_id = "liar", .key = 0x44});
  world.say(liar, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 5);
  CHECK(world.heard(liar) == Frames{write_error_reply("gateway", 5, "invalid_ref")});
  CHECK(world.heard(client).empty());
}

TEST_CASE("one message of a gateway cannot reach more clients than the limit") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.authorize(client, gateway, kGitLab);
  std::string ids;
  for (size_t i = 0; i < 200; ++i) ids += (i == 0 ? "\"" : ",\"") + kClientId + "\"";
  world.say(gateway, "gateway", "broadcast_ice_candidates",
            R"({"client_ids":[)" + ids + R"(],"candidates":[]})");
  CHECK(world.heard(client).size() == kMaxBroadcastClients);
}

TEST_CASE("tokens of one kind open no other door") {
  PortalWorld world;
  static const Token client = ClientToken{.id = TokenId("jane"), .actor = policy::ActorId(kJane)};
  static const Token gateway = GatewayToken{.id = TokenId("hq"), .site = SiteId(kSiteId)};
  static const Token relay = RelayToken{TokenId("relays")};
  const auto [role, token] = GENERATE_COPY(table<Role, const Token*>({
      {Role::kClient, &gateway},
      {Role::kClient, &relay},
      {Role::kGateway, &client},
      {Role::kGateway, &relay},
      {Role::kRelay, &client},
      {Role::kRelay, &gateway},
  }));
  CHECK(world.refused(role, *token).code == UpgradeRefusal::Code::kInvalidToken);
}

TEST_CASE("tokens that are over, or of nobody, are refused") {
  PortalWorld world;
  ClientToken token{.id = TokenId("jane"), .actor = policy::ActorId(kJane)};
  SECTION("expired") { token.expires_at = kMorning; }
  SECTION("of somebody who is unknown") { token.actor = policy::ActorId("nobody"); }
  SECTION("of somebody who is disabled") {
    world.account.directory.set_actor({policy::ActorId(kJane), "Jane Doe", true});
    world.apply();
  }
  CHECK(world.refused(Role::kClient, token).code == UpgradeRefusal::Code::kInvalidToken);
}

TEST_CASE("a token of one gateway serves just that one, whatever it calls itself") {
  PortalWorld world;
  UpgradeRequest request;
  request.role = Role::kGateway;
  request.external_id = "renamed";
  GatewayToken token{TokenId("single"), SiteId(kSiteId), GatewayId(kGatewayId)};
  const auto opened = world.portal->handle_upgrade(world.now, request, token, {});
  REQUIRE(std::holds_alternative<SessionId>(opened));
  world.pump();
  CHECK(world.devices.size() == 2);  // No new row.
  token.gateway = GatewayId(kClientId);
  CHECK(world.refused(Role::kGateway, token).code == UpgradeRefusal::Code::kInvalidToken);
  token.gateway = GatewayId("gone");
  CHECK(world.refused(Role::kGateway, token).code == UpgradeRefusal::Code::kInvalidToken);
}

// --- Relays

TEST_CASE("a relay that joins with its secret is told that it is known") {
  PortalWorld world;
  const SessionId relay = world.relay();
  world.text(relay, R"({"topic":"relay","event":"phx_join","payload":{},"ref":0})");
  CHECK(world.heard(relay) == Frames{write_error_reply("relay", 0, "join crashed")});
  world.text(relay,
             R"({"topic":"relay","event":"phx_join","payload":{"stamp_secret":"5e5e"},"ref":1})");
  CHECK(
      world.heard(relay) ==
      Frames{
          R"({"topic":"relay","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":1})",
          R"({"topic":"relay","event":"init","payload":{},"ref":null})"});
  world.say(relay, "relay", "anything", "{}", 2);
  CHECK(world.heard(relay) == Frames{write_error_reply("relay", 2, "unknown_message")});
}

TEST_CASE("peers hear of a relay that left, and of the one that stands in, after a quiet second") {
  PortalWorld world;
  const SessionId relay = world.joined_relay(stamp_secret());
  world.run_for(2s);
  const SessionId client = world.joined_client();
  const SessionId gateway = world.joined_gateway();
  world.hang_up(relay);
  world.joined_relay("another", 102);
  world.run_for(999ms);
  CHECK(world.heard(client).empty());
  world.run_for(1ms);
  const std::string told = world.heard(client).at(0);
  CHECK(told.find(R"("disconnected_ids":["8414cd6b-08e9-4be7-b341-32d9f8fabaa0"])") !=
        std::string::npos);
  CHECK(told.find(R"("addr":"203.0.113.102:3478")") != std::string::npos);
  CHECK(world.events(gateway) == Frames{"relays_presence"});
  world.run_for(20s);
  CHECK(world.heard(client).empty());
}

TEST_CASE("a relay whose socket flaps disturbs nobody") {
  PortalWorld world;
  const SessionId relay = world.joined_relay(stamp_secret());
  const SessionId client = world.joined_client();
  world.run_for(2s);
  SECTION("the old socket closes first") {
    world.hang_up(relay);
    world.joined_relay(stamp_secret());
  }
  SECTION("the new one joins while the old one is still there") {
    world.joined_relay(stamp_secret());
    CHECK(world.closed(relay) == kCloseServiceRestart);
    world.hang_up(relay);
  }
  world.run_for(20s);
  CHECK(world.heard(client).empty());
}

TEST_CASE("a gateway's relays have credentials that do not end with a session") {
  PortalWorld world;
  world.joined_relay(stamp_secret());
  const SessionId gateway = world.gateway();
  world.say(gateway, "gateway", "phx_join", "null", 0);
  const std::string init = world.heard(gateway).at(1);
  CHECK(init.find("2145916800:dTxoN7DBXNEh7It2LHwpbCpYKCNIbc3XX/nUXhLm44Y") != std::string::npos);
  CHECK(init.find("iDok8ppjevh7LRxA4565tNop4K715y9hFrowGcRMrLY") != std::string::npos);
}

}  // namespace
}  // namespace connlib::portal::server
