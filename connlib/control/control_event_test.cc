#include "connlib/control/control_event.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "connlib/control/control_packet.h"
#include "tests/support/packets.h"

namespace connlib::control {
namespace {

using testing::address;
using testing::Bytes;

constexpr std::string_view kId = "3f1a2b4c-0000-4000-8000-123456789abc";

AssignedIps assigned() {
  return {ResourceId(std::string(kId)),
          "example.com",
          {address("100.96.0.1"), address("fd00:2021:1111:8000::")}};
}

Bytes packet_of(uint8_t type, std::string_view json) {
  Bytes out(kControlOverheadBytes + json.size());
  const Bytes payload(json.begin(), json.end());
  REQUIRE_FALSE(write_control_packet(type, payload, out).empty());
  return out;
}

std::string payload_of(const Bytes& packet) {
  const auto parsed = parse_control_packet(packet);
  REQUIRE(parsed.has_value());
  return {parsed->payload.begin(), parsed->payload.end()};
}

std::string assigned_json(std::string_view domain, std::string_view ips) {
  return R"({"resource":"r","domain":")" + std::string(domain) + R"(","proxy_ips":)" +
         std::string(ips) + "}";
}

}  // namespace

TEST_CASE("a goodbye is the 48 bytes that every peer knows") {
  Bytes expected(48);
  expected[0] = 0x60;
  expected[5] = 8;
  expected[6] = 0xff;
  expected[40] = 2;
  const auto packet = goodbye_packet();
  CHECK(Bytes(packet.begin(), packet.end()) == expected);
  CHECK(encode_control_event(Goodbye()) == expected);
  CHECK(decode_control_event(expected) == std::variant<ControlEvent, ControlDrop>(Goodbye()));
}

TEST_CASE("assigned addresses are written as peers expect them, byte for byte") {
  const auto packet = encode_control_event(assigned());
  REQUIRE(packet.has_value());
  CHECK((*packet)[40] == 0);
  CHECK(payload_of(*packet) == R"({"resource":"3f1a2b4c-0000-4000-8000-123456789abc",)"
                               R"("domain":"example.com",)"
                               R"("proxy_ips":["100.96.0.1","fd00:2021:1111:8000::"]})");
}

TEST_CASE("a domain status is written as peers expect it, byte for byte") {
  const auto packet = encode_control_event(
      DomainStatus{ResourceId("r"), "example.com", DomainStatus::Status::kActive});
  REQUIRE(packet.has_value());
  CHECK((*packet)[40] == 1);
  CHECK(payload_of(*packet) == R"({"resource":"r","domain":"example.com","status":"Active"})");
}

TEST_CASE("control events survive the way through a packet") {
  const ControlEvent event = GENERATE_REF(values<ControlEvent>(
      {assigned(), DomainStatus{ResourceId("r"), "a.b", DomainStatus::Status::kActive},
       DomainStatus{ResourceId("r"), "a.b", DomainStatus::Status::kInactive}, Goodbye()}));
  const auto packet = encode_control_event(event);
  REQUIRE(packet.has_value());
  CHECK(decode_control_event(*packet) == std::variant<ControlEvent, ControlDrop>(event));
}

TEST_CASE("a control event is read whatever the order of its fields and whoever added more") {
  const auto decoded = decode_control_event(packet_of(
      1, R"( {"status":"Active","ttl":[{"x":1}], "domain":"example.com.", "resource":"r"} )"));
  CHECK(decoded == std::variant<ControlEvent, ControlDrop>(DomainStatus{
                       ResourceId("r"), "example.com", DomainStatus::Status::kActive}));
}

TEST_CASE("an unknown status reads as inactive") {
  const auto* status = GENERATE("Resolving", "active", "");
  const auto decoded = decode_control_event(
      packet_of(1, R"({"resource":"r","domain":"a","status":")" + std::string(status) + R"("})"));
  CHECK(decoded == std::variant<ControlEvent, ControlDrop>(DomainStatus{ResourceId("r"), "a"}));
}

TEST_CASE("reserved bytes and the payload of a goodbye are ignored") {
  Bytes packet = packet_of(2, R"({"reason":"going home"})");
  for (size_t i = 41; i < 48; ++i) packet[i] = 0xee;
  CHECK(decode_control_event(packet) == std::variant<ControlEvent, ControlDrop>(Goodbye()));
}

TEST_CASE("an event type of the future is told apart from a broken event") {
  CHECK(decode_control_event(packet_of(3, "{}")) ==
        std::variant<ControlEvent, ControlDrop>(ControlDrop::kUnknownType));
  CHECK(decode_control_event(packet_of(0, "{}")) ==
        std::variant<ControlEvent, ControlDrop>(ControlDrop::kMalformed));
}

TEST_CASE("malformed control events are dropped") {
  struct Row {
    const char* what;
    uint8_t type;
    std::string json;
  };
  const std::string one_ip = R"(["100.96.0.1"])";
  const Row rows[] = {
      {"no JSON", 0, "\xff\xfe"},
      {"nothing at all", 0, ""},
      {"cut off", 0, R"({"resource":"r","domain")"},
      {"not an object", 0, "[1]"},
      {"deeply nested", 0, std::string(1200, '[')},
      {"no resource", 0, R"({"domain":"a","proxy_ips":["100.96.0.1"]})"},
      {"resource is a number", 1, R"({"resource":7,"domain":"a","status":"Active"})"},
      {"endless resource", 1,
       R"({"resource":")" + std::string(65, 'r') + R"(","domain":"a","status":"Active"})"},
      {"status is a boolean", 1, R"({"resource":"r","domain":"a","status":true})"},
      {"no domain", 0, assigned_json("", one_ip)},
      {"only a dot", 0, assigned_json(".", one_ip)},
      {"two dots at the end", 0, assigned_json("a..", one_ip)},
      {"domain with a line feed", 0, assigned_json("a\\nb", one_ip)},
      {"domain with a NUL", 0, assigned_json("a\\u0000b", one_ip)},
      {"domain beyond ASCII", 0, assigned_json("b\\u00fccher.example", one_ip)},
      {"no addresses", 0, assigned_json("a", "[]")},
      {"nine addresses", 0,
       assigned_json("a", R"(["100.96.0.1","100.96.0.2","100.96.0.3","100.96.0.4","100.96.0.5",)"
                          R"("100.96.0.6","100.96.0.7","100.96.0.8","100.96.0.9"])")},
      {"address is a number", 0, assigned_json("a", "[1]")},
      {"address is none", 0, assigned_json("a", R"(["100.96.0"])")},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(decode_control_event(packet_of(row.type, row.json)) ==
          std::variant<ControlEvent, ControlDrop>(ControlDrop::kMalformed));
  }
}

TEST_CASE("a client cannot assign addresses that are not its to assign") {
  const auto* ip = GENERATE("10.0.0.1", "0.0.0.0", "100.64.0.1", "100.100.111.1", "fd00::1",
                            "fd00:2021:1111::1", "fd00:2021:1111:8000:100:100:111:1");
  CAPTURE(ip);
  CHECK(
      decode_control_event(packet_of(0, assigned_json("a", R"([")" + std::string(ip) + R"("])"))) ==
      std::variant<ControlEvent, ControlDrop>(ControlDrop::kMalformed));
}

TEST_CASE("the largest request of a client fits a packet, a larger one is not encoded") {
  AssignedIps event{ResourceId(std::string(kId)), std::string(253, 'x')};
  for (int i = 0; i < 4; ++i) event.proxy_ips.push_back(address("100.127.255.255"));
  for (int i = 0; i < 4; ++i)
    event.proxy_ips.push_back(address("fd00:2021:1111:8000:aaaa:bbbb:cccc:1"));
  CHECK(encode_control_event(event).has_value());
  event.domain = std::string(1300, 'x');
  CHECK_FALSE(encode_control_event(event).has_value());
  event.domain = "caf\xe9";
  CHECK(encode_control_event(event).has_value());  // Replaced, not thrown over.
}

}  // namespace connlib::control
