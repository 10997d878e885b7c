#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "connlib/portal/from_client.h"
#include "connlib/portal/from_gateway.h"
#include "connlib/portal/relay_messages.h"
#include "connlib/portal/to_client.h"
#include "connlib/portal/to_gateway.h"
#include "tests/support/vectors.h"

namespace connlib::portal {
namespace {

using Json = nlohmann::json;

// decode(), encode() and decode() again; nullopt unless both decodings are equal and whole.
template <typename Message>
std::optional<Encoded> round_trip(Decoded<Message> (*decode)(std::string_view, JsonValue),
                                  const std::string& event, const std::string& payload) {
  const auto document = JsonDocument::parse(payload, kMaxPortalFrameBytes);
  if (!document) return std::nullopt;
  auto first = decode(event, document->root());
  if (first.message() == nullptr || first.skipped != 0) return std::nullopt;
  Encoded encoded = encode(*first.message());
  const auto again = JsonDocument::parse(encoded.payload, kMaxPortalFrameBytes);
  if (!again) return std::nullopt;
  auto second = decode(encoded.event, again->root());
  if (second.message() == nullptr || !(*second.message() == *first.message())) return std::nullopt;
  return encoded;
}

std::optional<Encoded> round_trip(const Json& vector) {
  const std::string payload = vector.at("payload").dump();
  const std::string event = vector.at("event");
  const bool is_down = vector.at("direction") == "down";
  if (vector.at("channel") == "client") {
    return is_down ? round_trip(decode_to_client, event, payload)
                   : round_trip(decode_from_client, event, payload);
  }
  if (vector.at("channel") == "gateway") {
    return is_down ? round_trip(decode_to_gateway, event, payload)
                   : round_trip(decode_from_gateway, event, payload);
  }
  return round_trip(decode_to_relay, event, payload);
}

TEST_CASE("every example of the protocol is understood and written as it was read") {
  const Json& messages = testing::portal_vectors().at("messages");
  CHECK(messages.size() >= 47);
  for (const Json& vector : messages) {
    INFO(vector.at("what"));
    const auto encoded = round_trip(vector);
    REQUIRE(encoded.has_value());
    CHECK(encoded->event == vector.at("event"));
    CHECK(Json::parse(encoded->payload) == vector.at("payload"));
  }
}

// The only message of `event` in a channel, as the changes of a test want it.
Json example(const std::string& channel, const std::string& event) {
  for (const Json& vector : testing::portal_vectors().at("messages")) {
    if (vector.at("channel") == channel && vector.at("event") == event &&
        vector.at("direction") == "down") {
      return vector.at("payload");
    }
  }
  throw std::runtime_error("no example of " + event);
}

Decoded<ToClient> to_client(const std::string& event, const Json& payload) {
  const auto document = JsonDocument::parse(payload.dump(), kMaxPortalFrameBytes);
  return decode_to_client(event, document->root());
}

Decoded<ToGateway> to_gateway(const std::string& event, const Json& payload) {
  const auto document = JsonDocument::parse(payload.dump(), kMaxPortalFrameBytes);
  return decode_to_gateway(event, document->root());
}

template <typename Expected, typename Message>
const Expected* as(Decoded<Message>& decoded) {
  return decoded.message() == nullptr ? nullptr : std::get_if<Expected>(decoded.message());
}

TEST_CASE("an init says who we are, what may be reached and through which relays") {
  auto decoded = to_client("init", example("client", "init"));
  const auto* init = as<ClientInit>(decoded);
  REQUIRE(init != nullptr);
  CHECK(to_text(IpAddress(init->interface.addresses.ipv4)) == "100.64.0.7");
  CHECK(to_text(IpAddress(init->interface.addresses.ipv6)) == "fd00:2021:1111::7");
  REQUIRE(init->interface.upstream_do53.size() == 1);
  CHECK(to_text(init->interface.upstream_do53[0]) == "1.1.1.1:53");
  CHECK(init->interface.search_domain == "mycorp.com");
  REQUIRE(init->resources.size() == 3);
  const auto& gitlab = std::get<Resource>(init->resources[0]);
  CHECK(gitlab.name == "GitLab");
  CHECK(std::get<DnsAddress>(gitlab.address).pattern == "*.gitlab.mycorp.com");
  CHECK(gitlab.filters ==
        std::vector<Filter>{{Filter::Protocol::kTcp, 443, 443}, {Filter::Protocol::kIcmp}});
  CHECK(gitlab.sites.at(0).name == "HQ");
  CHECK(std::get<Resource>(init->resources[2]).name == "Internet Resource");
  REQUIRE(init->relays.size() == 1);
  CHECK(to_text(*init->relays[0].v4) == "203.0.113.101:3478");
  CHECK(to_text(*init->relays[0].v6) == "[2001:db8::101]:3478");
  CHECK(init->relays[0].expires_at == absl::FromUnixSeconds(1790000000));
}

TEST_CASE("a bad element of an init costs that element only") {
  const auto [what, pointer, element] = GENERATE(table<const char*, const char*, Json>({
      {"a resource of a kind we do not know", "/resources", {{"type", "teleporter"}}},
      {"a resource without a name",
       "/resources",
       {{"id", "c7793628-8579-465b-83e3-1a5d4af4db05"}, {"type", "dns"}, {"address", "a.b"}}},
      {"a resource that is no object", "/resources", 7},
      {"a relay without a password",
       "/relays",
       {{"id", "8414cd6b-08e9-4be7-b341-32d9f8fabaa0"}, {"type", "turn"}, {"addr", "1.2.3.4:1"}}},
      {"a relay of an unknown type", "/relays", {{"type", "quic"}}},
      {"a grant without an end",
       "/authorizations",
       {{"client_id", "8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01"},
        {"resource_id", "a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04"}}},
      {"a grant with an id that is no UUID",
       "/authorizations",
       {{"client_id", "me"},
        {"resource_id", "a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04"},
        {"expires_at", 1790000000}}},
      {"a resolver that is no address", "/interface/upstream_do53", {{"ip", "one.one"}}},
      {"a DoH server without TLS", "/interface/upstream_doh", {{"url", "http://dns.example/q"}}},
      {"a DoH server with a query", "/interface/upstream_doh", {{"url", "https://a.b/q?x=1"}}},
      {"a DoH server without a host", "/interface/upstream_doh", {{"url", "https:///q"}}},
  }));
  INFO(what);
  Json payload = example("client", "init");
  auto whole = to_client("init", payload);
  Json& list = payload.at(Json::json_pointer(pointer));
  list.insert(list.begin(), element);
  auto decoded = to_client("init", payload);
  REQUIRE(as<ClientInit>(decoded) != nullptr);
  CHECK(decoded.skipped == 1);
  CHECK(*decoded.message() == *whole.message());
}

TEST_CASE("fields that nobody knows, and optional ones that are absent, are no obstacle") {
  Json payload = example("client", "init");
  payload["invented_tomorrow"] = {{"a", 1}};
  for (const char* absent : {"resources", "relays", "authorizations", "flow_logs"}) {
    payload.erase(absent);
  }
  payload["interface"].erase("search_domain");
  payload["interface"].erase("upstream_doh");
  payload["interface"]["mtu"] = 1280;
  auto decoded = to_client("init", payload);
  const auto* init = as<ClientInit>(decoded);
  REQUIRE(init != nullptr);
  CHECK(init->resources.empty());
  CHECK(init->flow_logs == FlowLogConfig());
  CHECK_FALSE(init->interface.search_domain.has_value());
}

TEST_CASE("a resource with one filter that we do not understand is not opened wider") {
  Json payload = example("client", "resource_created_or_updated");
  const Json filter = GENERATE(Json{{"protocol", "sctp"}}, Json{{"port_range_start", 1}}, Json(1),
                               Json{{"protocol", "tcp"}, {"port_range_start", 65536}},
                               Json{{"protocol", "tcp"}, {"port_range_end", "443"}});
  CAPTURE(filter);
  payload["filters"] = Json::array({filter});
  auto decoded = to_client("resource_created_or_updated", payload);
  CHECK(std::get<FrameDrop>(decoded.result) == FrameDrop::kBadPayload);

  Json grant = example("gateway", "create_authorization");
  grant["resource"]["filters"] = Json::array({filter});
  CHECK(std::get<FrameDrop>(to_gateway("create_authorization", grant).result) ==
        FrameDrop::kBadPayload);
}

TEST_CASE("a grant whose end cannot be read is not taken for one without end") {
  Json payload = example("gateway", "create_authorization");
  payload["expires_at"] = nullptr;
  auto unlimited = to_gateway("create_authorization", payload);
  REQUIRE(as<CreateAuthorization>(unlimited) != nullptr);
  CHECK_FALSE(as<CreateAuthorization>(unlimited)->expires_at.has_value());
  payload["expires_at"] = GENERATE(Json("1790000000"), Json(1.79e9 + 0.5), Json(-1));
  CHECK(std::get<FrameDrop>(to_gateway("create_authorization", payload).result) ==
        FrameDrop::kBadPayload);
}

TEST_CASE("an authorization needs every field that a tunnel needs") {
  const std::string missing = GENERATE("resource_id", "gateway_id", "site_id", "gateway_public_key",
                                       "gateway_ipv4", "gateway_ipv6", "preshared_key",
                                       "client_ice_credentials", "gateway_ice_credentials");
  CAPTURE(missing);
  Json payload = example("client", "authorization_created");
  payload.erase(missing);
  CHECK(std::get<FrameDrop>(to_client("authorization_created", payload).result) ==
        FrameDrop::kBadPayload);
}

TEST_CASE("older names of sites and messages are read, the newer ones written") {
  Json resource = example("client", "resource_created_or_updated");
  resource["gateway_groups"] = resource["sites"];
  resource.erase("sites");
  auto upserted = to_client("resource_created_or_updated", resource);
  REQUIRE(as<ResourceUpserted>(upserted) != nullptr);
  CHECK(std::get<Resource>(as<ResourceUpserted>(upserted)->resource).sites.size() == 1);

  Json created = example("client", "authorization_created");
  created["gateway_group_id"] = created["site_id"];
  created.erase("site_id");
  auto flow = to_client("flow_created", created);
  REQUIRE(as<AuthorizationCreated>(flow) != nullptr);
  CHECK(encode(*flow.message()).event == "authorization_created");
  CHECK(encode(*flow.message()).payload.find("\"site_id\"") != std::string::npos);

  auto grant = to_gateway("authorize_flow", example("gateway", "create_authorization"));
  CHECK(as<CreateAuthorization>(grant) != nullptr);
  auto candidates = to_client("gateway_ice_candidates", example("client", "ice_candidates"));
  CHECK(as<GatewayCandidates>(candidates) != nullptr);
}

TEST_CASE("old portals' resolvers are used when there are no others") {
  Json payload = example("client", "config_changed");
  payload["interface"]["upstream_dns"] = {
      {{"protocol", "ip_port"}, {"address", "[2001:db8::1]:54"}},
      {{"protocol", "smoke"}, {"address", "1.1.1.1:53"}}};
  auto decoded = to_client("config_changed", payload);
  REQUIRE(as<ConfigChanged>(decoded) != nullptr);
  const auto& servers = as<ConfigChanged>(decoded)->interface.upstream_do53;
  REQUIRE(servers.size() == 1);
  CHECK(to_text(servers[0]) == "[2001:db8::1]:54");
  CHECK(decoded.skipped == 1);
}

TEST_CASE("addresses of devices may carry the prefix of one address, and no other") {
  const auto [ipv4, is_good] = GENERATE(table<const char*, bool>({
      {"100.64.0.42", true},
      {"100.64.0.42/32", true},
      {"100.64.0.42/31", false},
      {"fd00::1", false},
      {"", false},
  }));
  CAPTURE(ipv4);
  Json payload = example("client", "device_pool_domain_resolved");
  payload["ipv4"] = ipv4;
  auto decoded = to_client("device_pool_domain_resolved", payload);
  CHECK((as<DeviceDomainResolved>(decoded) != nullptr) == is_good);
}

TEST_CASE("a network with host bits is no network") {
  const auto [address, is_good] = GENERATE(table<const char*, bool>({
      {"172.20.0.0/16", true},
      {"172.20.0.1/16", false},
      {"172.20.0.1", true},
      {"2001:db8::/32", true},
      {"2001:db8::1/32", false},
      {"172.20.0.0/33", false},
  }));
  CAPTURE(address);
  Json payload = example("client", "resource_created_or_updated");
  payload["type"] = "cidr";
  payload["address"] = address;
  auto decoded = to_client("resource_created_or_updated", payload);
  CHECK((as<ResourceUpserted>(decoded) != nullptr) == is_good);
}

TEST_CASE("one relay may stand in two entries, of which the first of each family counts") {
  Json payload = example("client", "relays_presence");
  Json six = payload["connected"][0];
  six["addr"] = "[2001:db8::101]:3478";
  Json second = payload["connected"][0];
  second["addr"] = "203.0.113.102:3478";
  Json stun = {{"type", "stun"}, {"id", second["id"]}, {"addr", "203.0.113.9:3478"}};
  payload["connected"] = {payload["connected"][0], stun, six, second};
  auto decoded = to_client("relays_presence", payload);
  const auto* presence = as<RelaysPresence>(decoded);
  REQUIRE(presence != nullptr);
  REQUIRE(presence->connected.size() == 1);
  CHECK(to_text(*presence->connected[0].v4) == "203.0.113.101:3478");
  CHECK(to_text(*presence->connected[0].v6) == "[2001:db8::101]:3478");
  CHECK(decoded.skipped == 0);
}

TEST_CASE("candidates that are none are left out, the others keep their order") {
  Json payload = example("client", "ice_candidates");
  payload["candidates"] = {"candidate:1 1 udp 5 10.0.0.1 1 typ host",
                           "a=candidate:1 1 udp 9 x 1",
                           "candidate:1 1 udp high 10.0.0.1 1 typ host",
                           7,
                           "candidate:2  1 udp  4294967295 10.0.0.2 1 typ host",
                           "candidate:1 1 udp 4294967296 10.0.0.1 1 typ host",
                           "candidate:1 1 udp"};
  auto decoded = to_client("ice_candidates", payload);
  const auto* message = as<GatewayCandidates>(decoded);
  REQUIRE(message != nullptr);
  REQUIRE(message->candidates.size() == 2);
  CHECK(message->candidates[0].priority() == 5);
  CHECK(message->candidates[1].priority() == 4294967295);
  CHECK(decoded.skipped == 5);
}

TEST_CASE("reasons that nobody knows keep their word") {
  Json payload = example("client", "authorization_creation_failed");
  payload["reason"] = "full_moon";
  payload["violated_properties"] = {"provider_id", "shoe_size"};
  auto decoded = to_client("authorization_creation_failed", payload);
  const auto* failed = as<AuthorizationFailed>(decoded);
  REQUIRE(failed != nullptr);
  CHECK(failed->reason.code() == FailureReason::Code::kUnknown);
  CHECK(failed->reason.word() == "full_moon");
  CHECK(failed->violated_properties[0].code() == ViolatedProperty::Code::kAuthProviderId);
  CHECK(failed->violated_properties[1].word() == "shoe_size");
}

TEST_CASE("ids are compared byte for byte, so they come in lower case") {
  const auto document = JsonDocument::parse("\"A4C1D2E3-0B9A-4F7E-8C55-3D2E1F0A9B04\"", 100);
  auto decoded = decode_to_client("resource_deleted", document->root());
  REQUIRE(as<ResourceDeleted>(decoded) != nullptr);
  CHECK(as<ResourceDeleted>(decoded)->id.value() == "a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04");
}

TEST_CASE("a request names one device or none") {
  const auto decode = [](const char* text) {
    const auto document = JsonDocument::parse(text, 1000);
    return decode_from_client("request_authorization", document->root());
  };
  auto both = decode(R"({"resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04",)"
                     R"("connected_gateway_ids":[],"ipv4":"100.64.0.8","ipv6":"fd00::8"})");
  CHECK(std::get<FrameDrop>(both.result) == FrameDrop::kBadPayload);
  auto none = decode(R"({"resource_id":"a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04"})");
  CHECK(std::get<FrameDrop>(none.result) == FrameDrop::kBadPayload);
}

TEST_CASE("a relay joins with its secret and hears one empty message") {
  const RelayJoin join{SecretText("5e5e")};
  CHECK(encode_relay_join(join) == R"({"stamp_secret":"5e5e"})");
  const auto document = JsonDocument::parse(encode_relay_join(join), 100);
  CHECK(decode_relay_join(document->root()) == join);
  CHECK_FALSE(decode_relay_join(JsonDocument::parse("{}", 100)->root()).has_value());
  CHECK(std::get<FrameDrop>(decode_to_relay("shutdown", document->root()).result) ==
        FrameDrop::kUnknownEvent);
}

}  // namespace
}  // namespace connlib::portal
