#include <catch2/catch.hpp>

#include "connlib/portal/channel_event.h"
#include "connlib/portal/server/portal_world.h"
#include "connlib/portal/server/request_allowance.h"

// What a client hears, letter by letter (spec portal-protocol 1.8, 3).
namespace connlib::portal::server {
namespace {

using Frames = std::vector<std::string>;

const std::string kRequestGitLab =
    R"({"resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04","connected_gateway_ids":[]})";
const std::string kRequestLab =
    R"({"resource_id":"c7793628-8579-465b-83e3-1a5d4af4db05","connected_gateway_ids":[]})";

std::string failed(const std::string& resource, const std::string& rest) {
  return write_push("client", "authorization_creation_failed",
                    R"({"resource_id":")" + resource + R"(","reason":)" + rest + "}");
}

TEST_CASE("a client that joins is told its addresses, resources, relays and resolvers") {
  PortalWorld world;
  world.joined_relay(stamp_secret());
  const SessionId client = world.client();
  world.text(client, R"({"topic":"client","event":"phx_join","payload":null,"ref":0})");
  CHECK(
      world.heard(client) ==
      Frames{
          R"({"topic":"client","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":0})",
          R"({"topic":"client","event":"init","payload":{"interface":{"ipv4":"100.64.0.7",)"
          R"("ipv6":"fd00:2021:1111::7","upstream_do53":[{"ip":"1.1.1.1"}],"upstream_doh":[],)"
          R"("upstream_dns":[{"protocol":"ip_port","address":"1.1.1.1:53"}],)"
          R"("search_domain":"mycorp.com"},"resources":[{"id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04",)"
          R"("type":"dns","name":"GitLab","address":"*.gitlab.mycorp.com","address_description":null,)"
          R"("ip_stack":"dual","filters":[{"protocol":"icmp"}],)"
          R"("sites":[{"id":"5b0f7c9e-0d57-4a53-b6f5-7a1d8d9e4b03","name":"HQ"}]}],)"
          R"("relays":[{"id":"8414cd6b-08e9-4be7-b341-32d9f8fabaa0","type":"turn",)"
          R"("addr":"203.0.113.101:3478",)"
          R"("username":"1790000000:ere2wNxV6z0pAq/TdtkWogiV0dkSP6SnoZV07AUQzxo",)"
          R"("password":"2YiPKOmmbQ+T3wbifdha9P/yM3OoIRVfsn6QEb48c1c","expires_at":1790000000}],)"
          R"("authorizations":[],"flow_logs":{"api_url":"https://portal.example.com/",)"
          R"("upload_interval_secs":0,"upload_batch_size":0}},"ref":null})"});
}

TEST_CASE("heartbeats, foreign topics and unknown events are answered and never end a session") {
  PortalWorld world;
  const SessionId client = world.client();
  world.text(client, R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":0})");
  world.say(client, "client", "no_relays", "{}", 1);  // Before the join.
  world.say(client, "client", "phx_join", "null", 2);
  CHECK(world.heard(client).size() == 4);
  world.say(client, "gateway", "no_relays", "{}", 3);
  world.say(client, "client", "create_flow", "{}", 4);
  world.say(client, "client", "request_authorization", R"({"resource_id":5})", 5);
  world.say(client, "client", "set_snownet_capabilities", R"({"iceless":true})", 6);
  world.text(client, "{");
  CHECK(world.heard(client) == Frames{write_error_reply("gateway", 3, "unmatched topic"),
                                      write_error_reply("client", 4, "unknown_message"),
                                      write_error_reply("client", 5, "unknown_message")});
  CHECK_FALSE(world.closed(client).has_value());
}

TEST_CASE("an authorization carries the keys and credentials of the reference portal") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.say(client, "client", "request_authorization", kRequestGitLab);
  CHECK(world.heard(client).empty());  // The gateway is not ready.
  const std::string ref = world.value_of(gateway, "ref");
  const std::string created = world.heard(gateway).at(0);
  const size_t token = created.find(",\"flow_logs_ingest_token\"");
  CHECK(created.substr(0, token) ==
        R"({"topic":"gateway","event":"create_authorization","payload":{"ref":")" + ref +
            R"(","resource":{"id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04","type":"dns",)"
            R"("address":"*.gitlab.mycorp.com","name":"GitLab","filters":[{"protocol":"icmp"}]},)"
            R"("client":{"id":"8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01",)"
            R"("public_key":"ERERERERERERERERERERERERERERERERERERERERERE=",)"
            R"("preshared_key":"ordx7JEOgNHsbrGfXTEkuYMIt7aNDV4uONHu8Hyqmms=",)"
            R"("ipv4":"100.64.0.7","ipv6":"fd00:2021:1111::7","version":"1.5.12",)"
            R"("device_os_name":"Ubuntu","device_os_version":"24.04.0","device_serial":null,)"
            R"("device_uuid":null,"identifier_for_vendor":null,"firebase_installation_id":null},)"
            R"("client_ice_credentials":{"username":"rooi","password":"jqb3w754s7jszu6w2v46xn"},)"
            R"("gateway_ice_credentials":{"username":"4eld","password":"rvipf4fj6syhum6whaynhq"},)"
            R"("expires_at":1790000000,"use_iceless":false)");
  CHECK(created.find(R"("actor_name":"Jane Doe")") != std::string::npos);

  world.say(gateway, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 3);
  CHECK(world.heard(gateway) == Frames{write_ok_reply("gateway", 3)});
  const std::string told = world.heard(client).at(0);
  CHECK(told.substr(0, told.find(",\"flow_logs_ingest_token\"")) ==
        R"({"topic":"client","event":"authorization_created","payload":{)"
        R"("resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04",)"
        R"("gateway_id":"1d9e5b7a-33c4-4f0e-8a61-52f0b7c9aa02",)"
        R"("site_id":"5b0f7c9e-0d57-4a53-b6f5-7a1d8d9e4b03",)"
        R"("gateway_public_key":"IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI=",)"
        R"("gateway_ipv4":"100.64.0.9","gateway_ipv6":"fd00:2021:1111::9",)"
        R"("preshared_key":"ordx7JEOgNHsbrGfXTEkuYMIt7aNDV4uONHu8Hyqmms=",)"
        R"("client_ice_credentials":{"username":"rooi","password":"jqb3w754s7jszu6w2v46xn"},)"
        R"("gateway_ice_credentials":{"username":"4eld","password":"rvipf4fj6syhum6whaynhq"},)"
        R"("use_iceless":false)");
}

TEST_CASE("requests that cannot be granted fail with the reason that clients know") {
  PortalWorld world;
  const SessionId client = world.joined_client();
  SECTION("no gateway of the site is there") {
    world.say(client, "client", "request_authorization", kRequestGitLab);
    CHECK(world.heard(client) == Frames{failed(kGitLab, R"("offline")")});
  }
  SECTION("the gateway has not joined, so it has no init") {
    world.gateway();
    world.say(client, "client", "request_authorization", kRequestGitLab);
    CHECK(world.heard(client) == Frames{failed(kGitLab, R"("offline")")});
  }
  SECTION("the gateway is too old") {
    world.joined_gateway({.agent = "Linux/6 gateway/1.3.9"});
    world.say(client, "client", "request_authorization", kRequestGitLab);
    CHECK(world.heard(client) == Frames{failed(kGitLab, R"("version_mismatch")")});
  }
  SECTION("nothing grants it") {
    world.joined_gateway();
    world.say(client, "client", "request_authorization", kRequestLab);
    CHECK(world.heard(client) == Frames{failed(kLab, R"("not_found")")});
  }
  SECTION("conditions are not met") {
    world.joined_gateway();
    const policy::Policy lab{policy::PolicyId(kLabPolicy),
                             policy::GroupId(kStaff),
                             ResourceId(kLab),
                             "",
                             {policy::VerifiedCondition{}}};
    REQUIRE(world.account.directory.set_policy(lab).ok());
    world.apply();
    CHECK(world.heard(client).empty());  // Still nothing that it may request.
    world.say(client, "client", "request_authorization", kRequestLab);
    CHECK(world.heard(client) ==
          Frames{failed(kLab, R"("forbidden","violated_properties":["client_verified"])")});
    world.portal->handle_device_verified(world.now, DeviceId(kClientId), true);
    world.pump();
    CHECK(world.events(client) == Frames{"resource_created_or_updated"});
    world.say(client, "client", "request_authorization", kRequestLab);
    CHECK(world.heard(client).empty());
  }
}

TEST_CASE("a gateway that does not answer for 15 seconds is offline, and late answers are void") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.say(client, "client", "request_authorization", kRequestGitLab);
  const std::string ref = world.value_of(gateway, "ref");
  world.heard(gateway);
  world.run_for(15s - 1ms);
  CHECK(world.heard(client).empty());
  world.run_for(1ms);
  CHECK(world.heard(client) == Frames{failed(kGitLab, R"("offline")")});
  world.say(gateway, "gateway", "authorization_created", R"({"ref":")" + ref + "\"}", 9);
  CHECK(world.heard(gateway) == Frames{write_error_reply("gateway", 9, "invalid_ref")});
  CHECK(world.heard(client).empty());
}

TEST_CASE("a gateway that leaves while a client waits fails the request at once") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  world.say(client, "client", "request_authorization", kRequestGitLab);
  world.hang_up(gateway);
  CHECK(world.heard(client) == Frames{failed(kGitLab, R"("offline")")});
  world.run_for(20s);
  CHECK(world.heard(client).empty());  // Exactly one outcome.
}

TEST_CASE("a second resource and a second request bring the same secrets") {
  PortalWorld world;
  REQUIRE(world.account.directory
              .set_policy({policy::PolicyId(kLabPolicy), policy::GroupId(kStaff), ResourceId(kLab)})
              .ok());
  world.apply();
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  const auto psk_of = [&](const std::string& request) {
    world.say(client, "client", "request_authorization", request);
    const std::string psk = world.value_of(gateway, "preshared_key");
    world.heard(gateway);
    return psk;
  };
  const std::string first = psk_of(kRequestGitLab);
  CHECK(psk_of(kRequestGitLab) == first);
  CHECK(psk_of(kRequestLab) == first);
  world.hang_up(client);
  const SessionId renewed = world.joined_client({.key = 0x12});
  world.say(renewed, "client", "request_authorization", kRequestLab);
  CHECK(world.value_of(gateway, "preshared_key") != first);
}

TEST_CASE("a gateway that the client knows is preferred") {
  PortalWorld world;
  const SessionId known = world.joined_gateway();
  std::vector<SessionId> others;
  for (const char* name : {"a", "b", "c"}) {
    others.push_back(world.joined_gateway({.external_id = name, .key = 0x44}));
  }
  const SessionId client = world.joined_client();
  for (int i = 0; i < 10; ++i) {
    world.say(
        client, "client", "request_authorization",
        R"({"resource_id":")" + kGitLab + R"(","connected_gateway_ids":[")" + kGatewayId + "\"]}");
    CHECK(world.events(known) == Frames{"create_authorization"});
  }
  for (const SessionId& other : others) CHECK(world.heard(other).empty());
}

TEST_CASE("candidates travel between those who hold a grant, and no others") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  const std::string line = "candidate:1 1 udp 2130706431 192.168.1.5 52625 typ host";
  const std::string from_client =
      R"({"gateway_id":")" + kGatewayId + R"(","candidates":[")" + line + "\"]}";
  const std::string from_gateway =
      R"({"client_ids":[")" + kClientId + R"("],"candidates":[")" + line + "\"]}";
  const std::string to_gateway =
      R"({"client_id":")" + kClientId + R"(","candidates":[")" + line + "\"]}";
  world.say(client, "client", "new_gateway_ice_candidates", from_client);
  world.say(gateway, "gateway", "broadcast_ice_candidates", from_gateway);
  CHECK(world.heard(gateway).empty());
  CHECK(world.heard(client).empty());
  CHECK(world.portal->counters().withheld_candidates == 2);

  world.authorize(client, gateway, kGitLab);
  world.say(client, "client", "new_gateway_ice_candidates", from_client);
  world.say(client, "client", "invalidate_gateway_ice_candidates", from_client);
  CHECK(world.heard(gateway) ==
        Frames{write_push("gateway", "ice_candidates", to_gateway),
               write_push("gateway", "invalidate_ice_candidates", to_gateway)});
  world.say(gateway, "gateway", "broadcast_ice_candidates", from_gateway);
  world.say(gateway, "gateway", "broadcast_invalidated_ice_candidates", from_gateway);
  CHECK(world.heard(client) ==
        Frames{write_push("client", "ice_candidates", from_client),
               write_push("client", "invalidate_ice_candidates", from_client)});
}

TEST_CASE("of two connections of one client the newer wins, and the older is logged out") {
  PortalWorld world;
  const SessionId older = world.joined_client();
  const SessionId newer = world.joined_client();
  CHECK(
      world.heard(older) ==
      Frames{
          R"({"topic":"client","event":"disconnect","payload":{"reason":"token_expired"},"ref":null})",
          R"({"topic":"client","event":"phx_close","payload":{},"ref":null})"});
  CHECK(world.closed(older).has_value());
  world.hang_up(older);  // Late: the newer one stays.
  CHECK(world.portal->is_online(DeviceId(kClientId)));
  world.say(newer, "client", "no_relays", "{}");
  CHECK(world.events(newer) == Frames{"relays_presence"});
}

TEST_CASE("a client that falls silent is closed after 37 seconds and can come back") {
  PortalWorld world;
  const SessionId client = world.joined_client();
  world.run_for(20s);
  world.text(client, R"({"topic":"phoenix","event":"heartbeat","payload":{},"ref":1})");
  world.run_for(37s - 1ms);
  CHECK_FALSE(world.closed(client).has_value());
  world.run_for(1ms);
  CHECK(world.closed(client) == kCloseProtocolError);
  CHECK_FALSE(world.portal->is_online(DeviceId(kClientId)));
  CHECK(std::holds_alternative<PeerLeft>(world.records.back()));
}

TEST_CASE("a session ends when its token does") {
  PortalWorld world;
  const SessionId client = world.joined_client({.expires_at = kMorning + absl::Seconds(30)});
  world.run_for(30s - 1ms);
  CHECK(world.heard(client).empty());
  world.run_for(1ms);
  CHECK(world.events(client) == Frames{"disconnect", "phx_close"});
}

TEST_CASE("a client asks for relays when its own are dead, and for devices in vain") {
  PortalWorld world;
  const SessionId client = world.joined_client();
  world.say(client, "client", "no_relays", "{}");
  CHECK(world.heard(client) == Frames{write_push("client", "relays_presence",
                                                 R"({"disconnected_ids":[],"connected":[]})")});
  world.say(client, "client", "request_authorization",
            R"({"resource_id":")" + kLab + R"(","connected_gateway_ids":[],"ipv4":"100.64.0.8"})");
  world.say(client, "client", "resolve_device_pool_domain",
            R"({"resource_id":")" + kLab + R"(","domain":"x.example.com"})");
  world.say(client, "client", "new_client_ice_candidates",
            R"({"client_id":")" + kClientId + R"(","candidates":[]})");
  CHECK(world.events(client) == Frames{"client_device_access_denied",
                                       "device_pool_domain_resolution_failed",
                                       "client_ice_candidate_error"});
}

TEST_CASE("a client that asks without end is heard no more often than it may ask") {
  PortalWorld world;
  const SessionId gateway = world.joined_gateway();
  const SessionId client = world.joined_client();
  size_t made = 0;
  for (int i = 0; i < 1000; ++i) {
    world.say(client, "client", "request_authorization", kRequestGitLab);
    made += world.heard(gateway).size();
  }
  CHECK(made < size_t{kMaxRequestBurst} + 10);
  CHECK(made > 200);
  world.run_for(1s);
  world.say(client, "client", "request_authorization", kRequestGitLab);
  CHECK(world.heard(gateway).size() == 1);
}

}  // namespace
}  // namespace connlib::portal::server
