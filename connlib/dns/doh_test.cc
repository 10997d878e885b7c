#include "connlib/dns/doh.h"

#include <array>

#include <catch2/catch.hpp>

#include "connlib/dns/message_builder.h"

namespace connlib::dns {
namespace {

TEST_CASE("a DoH query is the example of RFC 8484 §4.1.1, whatever its id was") {
  std::array<uint8_t, 512> buffer{};
  MessageBuilder builder(buffer, {.id = 0xabcd, .recursion_desired = true});
  builder.add_question({*Name::parse("www.example.com"), RecordType::kA});
  const auto query = builder.finish();
  const auto request = make_doh_request("https://dnsserver.example.net/dns-query", *query);
  CHECK(request.url ==
        "https://dnsserver.example.net/dns-query?dns="
        "AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
  CHECK((*query)[0] == 0xab);  // The query itself keeps its id.
}

TEST_CASE("only https URLs with a host and nothing behind the path are servers") {
  const auto [url, expect] = GENERATE(table<std::string, bool>({
      {"https://dns.quad9.net/dns-query", true},
      {"https://dns.google", true},
      {"HTTPS://[2001:db8::1]:8443/q", true},
      {"http://dns.google/dns-query", false},
      {"https://", false},
      {"https:///dns-query", false},
      {"https://:443/", false},
      {"https://user@dns.google/", false},
      {"https://dns.google/?a=b", false},
      {"https://dns.google/#x", false},
      {"https://dns.google/a b", false},
      {"https://dns.google/\r\nHost:", false},
      {"", false},
  }));
  CAPTURE(url);
  CHECK(is_doh_url(url) == expect);
}

TEST_CASE("only status 200 with the media type of DNS messages is an answer") {
  const auto [status, type, expect] = GENERATE(table<int, std::string, bool>({
      {200, "application/dns-message", true},
      {200, "Application/DNS-Message; charset=x", true},
      {200, "application/dns-message ;x", true},
      {200, "application/json", false},
      {200, "", false},
      {204, "application/dns-message", false},
      {500, "application/dns-message", false},
  }));
  CAPTURE(status, type);
  CHECK(accepts_doh_response(status, type) == expect);
}

}  // namespace
}  // namespace connlib::dns
