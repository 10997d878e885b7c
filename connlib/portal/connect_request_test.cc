#include "connlib/portal/connect_request.h"

#include <catch2/catch.hpp>

namespace connlib::portal {
namespace {

PublicKey key_of_ones() {
  PublicKey key;
  key.bytes.fill(0x11);
  return key;
}

TEST_CASE("a portal's URL gives scheme, host, port and prefix") {
  struct Row {
    const char* url;
    PortalUrl expected;
  };
  const Row rows[] = {
      {"wss://api.example.com", {true, "api.example.com", 443, ""}},
      {"https://api.example.com/", {true, "api.example.com", 443, ""}},
      {"HTTP://api.example.com:8081/a/b/?x=1#y", {false, "api.example.com", 8081, "/a/b"}},
      {"ws://127.0.0.1:80", {false, "127.0.0.1", 80, ""}},
      {"ws://portal", {false, "portal", 443, ""}},  // 443 for every scheme.
      {"ws://[::1]:8081/x", {false, "::1", 8081, "/x"}},
      {"wss://[2001:db8::1]", {true, "2001:db8::1", 443, ""}},
  };
  for (const Row& row : rows) {
    INFO(row.url);
    const auto url = PortalUrl::parse(row.url);
    REQUIRE(url.ok());
    CHECK(*url == row.expected);
  }
}

TEST_CASE("a URL that leads to no portal is named in the error") {
  const std::string url =
      GENERATE("", "api.example.com", "ftp://a", "wss://", "wss:///x", "wss://a:0", "wss://a:65536",
               "wss://a:b", "wss://[::1", "wss://[::1]8", "wss://u@a", "wss://a b", "wss://a/\r\n");
  CAPTURE(url);
  const auto parsed = PortalUrl::parse(url);
  REQUIRE_FALSE(parsed.ok());
  CHECK(std::string(parsed.status().message()).find('"' + url + '"') != std::string::npos);
}

TEST_CASE("a client asks as the example of the protocol does") {
  const Login login{
      .role = Role::kClient,
      .url = *PortalUrl::parse("wss://api.example.com"),
      .external_id = "57fafffaba991e4cc0d6e2c02f517659e5646c1a095367e624f6964c71d76dd4",
      .name = "alice-laptop",
      .hardware = {.device_serial = "C02XL0GY"},
      .token = SecretText("n.SFMy\nNTY.g2 gDa"),
      .user_agent = "Ubuntu/24.04.0 headless-client/1.5.12",
  };
  const ConnectRequest request = make_connect_request(login, key_of_ones());
  CHECK(request.target ==
        "/client/v2/websocket?external_id="
        "57fafffaba991e4cc0d6e2c02f517659e5646c1a095367e624f6964c71d76dd4&name=alice-laptop&"
        "device_serial=C02XL0GY&public_key=ERERERERERERERERERERERERERERERERERERERERERE%3D");
  CHECK(request.host == "api.example.com");
  CHECK(request.port == 443);
  CHECK(request.x_authorization == SecretText("Bearer n.SFMyNTY.g2gDa"));
}

TEST_CASE("gateways and relays send what concerns them, behind the prefix") {
  Login login{.role = Role::kGateway,
              .url = *PortalUrl::parse("ws://localhost:8081/portal/"),
              .external_id = "gw 1",
              .name = "a+b/c=d&e~\xc3\xa9",
              .hardware = {.device_serial = "X"},
              .relay = {.ipv4 = Ipv4Address{{203, 0, 113, 1}},
                        .ipv6 = *IpAddress::parse("2001:db8::1")->v6(),
                        .port = 3478}};
  CHECK(make_connect_request(login, key_of_ones()).target ==
        "/portal/gateway/v2/websocket?external_id=gw+1&name=a%2Bb%2Fc%3Dd%26e%7E%C3%A9&"
        "public_key=ERERERERERERERERERERERERERERERERERERERERERE%3D");
  CHECK_FALSE(make_connect_request(login, std::nullopt).x_authorization.has_value());

  login.role = Role::kRelay;
  login.name = "";
  CHECK(make_connect_request(login, key_of_ones()).target ==
        "/portal/relay/websocket?ipv4=203.0.113.1&ipv6=2001%3Adb8%3A%3A1&port=3478");
}

TEST_CASE("a user agent is ASCII and has parentheses only around something") {
  UserAgent agent{.os = "Ubuntu",
                  .os_version = "24.04",
                  .component = "connlib",
                  .version = "1.5.0",
                  .architecture = "x86_64",
                  .kernel = "6.8.0-\xc3\xa9\r\n45"};
  CHECK(to_text(agent) == "Ubuntu/24.04 connlib/1.5.0 (x86_64; 6.8.0-45)");
  agent.architecture = "";
  CHECK(to_text(agent) == "Ubuntu/24.04 connlib/1.5.0");
}

}  // namespace
}  // namespace connlib::portal
