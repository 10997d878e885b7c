#include "connlib/portal/server/upgrade_request.h"

#include <catch2/catch.hpp>

#include "connlib/portal/json_value.h"
#include "connlib/portal/server/form_parameters.h"

namespace connlib::portal::server {
namespace {

constexpr std::string_view kAgent =
    "Ubuntu/24.04.0 headless-client/1.5.12 (x86_64; 6.8.0-45-generic)";
constexpr std::string_view kKey = "ERERERERERERERERERERERERERERERERERERERERERE%3D";

std::string client_target(std::string_view more = {}) {
  return "/client/v2/websocket?external_id=57fa&name=alice-laptop&public_key=" + std::string(kKey) +
         std::string(more);
}

UpgradeRequest accepted(const UpgradeHeaders& headers) {
  auto parsed = parse_upgrade_request(headers);
  if (const auto* refusal = std::get_if<UpgradeRefusal>(&parsed)) FAIL(refusal->detail);
  return std::get<UpgradeRequest>(std::move(parsed));
}

UpgradeRefusal refused(const UpgradeHeaders& headers) {
  auto parsed = parse_upgrade_request(headers);
  REQUIRE(std::holds_alternative<UpgradeRefusal>(parsed));
  return std::get<UpgradeRefusal>(std::move(parsed));
}

TEST_CASE("what our own peers ask for is understood, whatever the role") {
  Login login;
  login.role = GENERATE(Role::kClient, Role::kGateway, Role::kRelay);
  login.external_id = "57fa+/= ä";
  login.name = "Alice's laptop & more";
  login.hardware.device_serial = "C02XL0GY";
  login.hardware.identifier_for_vendor = "x%y";
  login.relay.ipv4 = Ipv4Address{{203, 0, 113, 101}};
  login.relay.ipv6 = *IpAddress::parse("2001:db8::1")->v6();
  login.relay.port = 3479;
  login.token = SecretText("n.SFMyNTY");
  login.user_agent = to_text(UserAgent{"Debian", "12", "connlib", "0.1.0", "", ""});
  PublicKey key;
  key.bytes.fill(0x11);
  const ConnectRequest sent = make_connect_request(login, key);
  const UpgradeRequest read =
      accepted({sent.target, sent.user_agent, sent.x_authorization->reveal()});
  CHECK(read.role == login.role);
  CHECK(read.token == login.token);
  CHECK(read.agent.component == "connlib");
  CHECK(read.agent.version == policy::Version{0, 1, 0});
  CHECK(read.user_agent == login.user_agent);
  if (login.role == Role::kRelay) {
    CHECK(read.address.ipv4 == login.relay.ipv4);
    CHECK(read.address.ipv6 == login.relay.ipv6);
    CHECK(read.address.port == 3479);
    return;
  }
  CHECK(read.external_id == login.external_id);
  CHECK(read.name == login.name);
  CHECK(read.public_key == key);
  if (login.role == Role::kClient) {
    CHECK(read.hardware.device_serial == "C02XL0GY");
    CHECK(read.hardware.identifier_for_vendor == "x%y");
    CHECK_FALSE(read.hardware.device_uuid.has_value());
  }
}

TEST_CASE("a token comes in the header, or in the query when there is no header") {
  const auto [header, query, token] =
      GENERATE(table<std::optional<std::string_view>, std::string, std::string>({
          {"Bearer one", "", "one"},
          {"bearer   one ", "&token=two", "one"},
          {std::nullopt, "&token=two", "two"},
          {"Basic one", "&token=two", "two"},
      }));
  const std::string target = client_target(query);
  CHECK(accepted({target, kAgent, header}).token.reveal() == token);
}

TEST_CASE("requests that cannot be served are refused with the code that peers branch on") {
  using enum UpgradeRefusal::Code;
  const std::string long_name(256, 'x');
  const std::string long_token(kMaxTokenBytes + 1, 'x');
  struct Row {
    std::string what;
    std::string target;
    std::string agent;
    std::optional<std::string> header;
    UpgradeRefusal::Code code;
    std::string detail;
  };
  const std::string ok(kAgent);
  const std::string good = client_target();
  const std::string relay_agent = "Linux/6 relay/1.0.0";
  const auto row = GENERATE_COPY(values<Row>({
      {"an unknown path", "/client/v3/websocket", ok, "Bearer t", kNotFound, "No such endpoint"},
      {"no token", good, ok, std::nullopt, kMissingToken, "Missing token"},
      {"an empty token", good, ok, "Bearer  ", kMissingToken, "Missing token"},
      {"a token of control characters", good, ok, "Bearer a\x01z", kInvalidToken, "Invalid token"},
      {"an endless token", good, ok, "Bearer " + long_token, kInvalidToken, "Invalid token"},
      {"nothing given", "/client/v2/websocket", ok, "Bearer t", kInvalidConnectParams,
       "external_id can't be blank; name can't be blank; public_key is not 32 bytes in base64"},
      {"a name beyond 255 characters", good + "&name=" + long_name, ok, "Bearer t",
       kInvalidConnectParams, "name is longer than 255 characters"},
      {"a key of other length", good + "&public_key=ERER", ok, "Bearer t", kInvalidConnectParams,
       "public_key is not 32 bytes in base64"},
      {"a browser", good, "Mozilla/5.0 (X11)", "Bearer t", kInvalidConnectParams,
       "user_agent names no client version"},
      {"a client of strange version", good, "Linux/6 connlib/one", "Bearer t",
       kInvalidConnectParams, "user_agent names no client version"},
      {"half an escape", good + "&x=%4", ok, "Bearer t", kInvalidConnectParams,
       "query is malformed"},
      {"bytes that are no UTF-8", good + "&name=%ff", ok, "Bearer t", kInvalidConnectParams,
       "query is malformed"},
      {"a line break in a name", good + "&name=a%0Ab", ok, "Bearer t", kInvalidConnectParams,
       "query is malformed"},
      {"a relay without address", "/relay/websocket?port=1", relay_agent, "Bearer t",
       kInvalidConnectParams, "ipv4 or ipv6 must be given"},
      {"a relay with its families swapped", "/relay/websocket?ipv4=::1&ipv6=1.2.3.4", relay_agent,
       "Bearer t", kInvalidConnectParams, "ipv4 is no IPv4 address; ipv6 is no IPv6 address"},
      {"a relay on no port", "/relay/websocket?ipv4=1.2.3.4&port=65536", relay_agent, "Bearer t",
       kInvalidConnectParams, "port is no port"},
      {"an endless query", good + "&x=" + std::string(kMaxTargetBytes, 'x'), ok, "Bearer t",
       kInvalidConnectParams, "request is too long"},
  }));
  CAPTURE(row.what);
  const UpgradeRefusal refusal = refused({row.target, row.agent, row.header});
  CHECK(refusal.code == row.code);
  CHECK(refusal.detail == row.detail);
}

TEST_CASE("a gateway of unknown version may connect, and a relay stands on 3478 by default") {
  const std::string gateway =
      "/gateway/v2/websocket?firezone_id=gw&name=gw&unknown=1&public_key=" + std::string(kKey);
  const UpgradeRequest read = accepted({gateway, "", "Bearer t"});
  CHECK(read.external_id == "gw");
  CHECK_FALSE(read.agent.version.has_value());
  const UpgradeRequest relay = accepted({"/relay/websocket?ipv4=192.0.2.1", "", "Bearer t"});
  CHECK(relay.address.port == 3478);
  CHECK_FALSE(relay.address.ipv6.has_value());
}

TEST_CASE("255 characters are counted as people do, not as bytes") {
  std::string umlauts;
  for (int i = 0; i < 255; ++i) umlauts += "%C3%A4";
  const std::string target = client_target("&name=" + umlauts);
  CHECK(accepted({target, kAgent, "Bearer t"}).name.size() == 510);
}

TEST_CASE("characters are counted only in UTF-8 of the shortest form") {
  const auto [text, count] = GENERATE(table<std::string, std::optional<size_t>>({
      {"", 0},
      {"a", 1},
      {"\xc3\xa4", 1},
      {"\xe2\x82\xac"
       "x",
       2},
      {"\xf0\x9f\x98\x80", 1},
      {"\xc0\x80", std::nullopt},          // An overlong NUL.
      {"\xed\xa0\x80", std::nullopt},      // A surrogate.
      {"\xf4\x90\x80\x80", std::nullopt},  // Beyond U+10FFFF.
      {"\xc3", std::nullopt},
      {"\x80", std::nullopt},
      {"\xc3(", std::nullopt},
  }));
  CHECK(count_characters(text) == count);
}

TEST_CASE("of a User-Agent the first known component counts") {
  const auto [text, component, version] = GENERATE(table<std::string, std::string, std::string>({
      {"Ubuntu/24.04.0 headless-client/1.5.12 (x86_64; 6.8)", "headless-client", "1.5.12"},
      {"iOS/17 apple-client/1.4.0 gateway/9.9.9", "apple-client", "1.4.0"},
      {"gateway/1.6.1", "gateway", "1.6.1"},
      {"Linux/1 relay", "", ""},
      {"", "", ""},
      {"    ", "", ""},
      {"a/b c/d", "", ""},
  }));
  const PeerAgent agent = parse_peer_agent(text);
  CHECK(agent.component == component);
  CHECK(agent.version_text == version);
  CHECK(agent.version.has_value() == !version.empty());
}

TEST_CASE("a refusal is an RFC 9457 problem that peers know how to read") {
  using enum UpgradeRefusal::Code;
  const auto [code, status, word] = GENERATE(table<UpgradeRefusal::Code, int, std::string>({
      {kNotFound, 404, "not_found"},
      {kInvalidConnectParams, 400, "invalid_connect_params"},
      {kInvalidToken, 401, "invalid_token"},
      {kMissingToken, 401, "missing_token"},
      {kLimitsExceeded, 402, "limits_exceeded"},
      {kGatewayAlreadyConnected, 409, "gateway_already_connected"},
      {kRateLimit, 503, "rate_limit"},
      {kUnhandledConnectError, 500, "unhandled_connect_error"},
  }));
  const HandshakeResponse response = to_response({code, "why"});
  CHECK(response.status == status);
  const auto body = JsonDocument::parse(response.body, 1000);
  REQUIRE(body.has_value());
  CHECK(body->root()["code"].text() == word);
  CHECK(body->root()["detail"].text() == "why");
  CHECK(response.retry_after.has_value() == (status == 503));
  const auto verdict = judge(response, absl::UnixEpoch()).verdict;
  CHECK((verdict == Refusal::Verdict::kTokenRejected) == (status == 401));
}

}  // namespace
}  // namespace connlib::portal::server
