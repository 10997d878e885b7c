// Names: asked at a client, resolved by a gateway, translated there and back.
#include "tests/tunnel/system/story.h"

namespace connlib::tunnel {
namespace {

using P = Filter::Protocol;

const IpAddress kWikiV4 = Ipv4Address{{10, 1, 2, 3}};
const IpAddress kWikiV6 = testing::address("2001:db8::5");

struct Wiki : Story {
  explicit Wiki(std::vector<Filter> filters = {}, SystemOptions options = {})
      : Story(std::move(options)) {
    records["wiki.example.com"] = {kWikiV4, kWikiV6};
    offer(dns_resource("wiki", "*.example.com", std::move(filters)));
    world.run_for(100ms);
  }
};

TEST_CASE("a packet to a name reaches what the gateway resolved, and is answered by the proxy") {
  const auto type = GENERATE(dns::RecordType::kA, dns::RecordType::kAaaa);
  Wiki s;
  const auto proxies = s.look_up("wiki.example.com", type);
  REQUIRE(proxies.size() == 4);
  CHECK(s.ask(datagram(proxies[0])) == only(echo_of(proxies[0])));
  CHECK(s.reached() == (type == dns::RecordType::kA ? kWikiV4 : kWikiV6));
  CHECK(testing::has_right_checksums(s.remote.arrivals[0].packet));
}

TEST_CASE("two names with one address are told apart by their proxies") {
  Wiki s;
  s.records["git.example.com"] = {kWikiV4};
  const IpAddress wiki = s.look_up("wiki.example.com").at(0);
  const IpAddress git = s.look_up("git.example.com").at(0);
  CHECK(s.ask(datagram(wiki)) == only(echo_of(wiki)));
  CHECK(s.ask(datagram(git)) == only(echo_of(git)));
}

TEST_CASE("an error behind a name quotes the packet as the application sent it") {
  Wiki s;
  s.remote.set_error(kWikiV4, IcmpError{IpFamily::kV4, 3, 3});
  const IpAddress proxy = s.look_up("wiki.example.com").at(0);
  auto answers = s.ask(datagram(proxy));
  REQUIRE(icmp_kind(answers) == std::pair(3, 3));
  auto parsed = IpPacket::parse(answers[0]);
  auto& error = std::get<IpPacket>(parsed);
  CHECK(error.source() == proxy);
  const auto message = parse_icmp_error(error);
  REQUIRE(message);
  CHECK(message->quoted.destination() == proxy);
  CHECK(message->quoted.source() == IpAddress(kClientV4));
}

TEST_CASE("a name that does not exist, or not in a family, fails at once") {
  Wiki s;
  s.records["four.example.com"] = {kWikiV4};
  CHECK(icmp_kind(s.ask(datagram(s.look_up("nothing.example.com").at(0)))) == std::pair(3, 0));
  const auto six = s.look_up("four.example.com", dns::RecordType::kAaaa);
  CHECK(icmp_kind(s.ask(datagram(six.at(0)))) == std::pair(1, 3));
  const auto four = s.look_up("four.example.com");
  CHECK(s.ask(datagram(four.at(0))) == only(echo_of(four.at(0))));
}

TEST_CASE("a name that moves is followed by the next query, and its filters hold") {
  Wiki s({{P::kUdp, 443, 443}});
  const IpAddress proxy = s.look_up("wiki.example.com").at(0);
  REQUIRE(s.ask(datagram(proxy)).size() == 1);
  const IpAddress moved = Ipv4Address{{10, 9, 9, 9}};
  s.records["wiki.example.com"] = {moved};
  CHECK(s.look_up("wiki.example.com").at(0) == proxy);
  CHECK(s.ask(datagram(proxy, 443, 40001)) == only(echo_of(proxy, 443, 40001)));
  CHECK(s.reached() == moved);
  CHECK(icmp_kind(s.ask(datagram(proxy, 80))) == kProhibited);
}

TEST_CASE("a name of a resource goes on after its gateway stopped and another took over") {
  Wiki s({}, {.gateways_of_sites = {2}});
  const IpAddress proxy = s.look_up("wiki.example.com").at(0);
  REQUIRE(s.ask(datagram(proxy)).size() == 1);
  s.stop_gateway(s.remote.arrivals[0].gateway == s.gateways[0].id ? 0 : 1);
  s.world.run_for(1s);
  CHECK(s.ask(datagram(proxy)) == only(echo_of(proxy)));
}

TEST_CASE("names of nobody's resources are answered by the server outside") {
  Wiki s;
  s.records["example.org"] = {kWikiV4};
  CHECK(s.look_up("example.org") == std::vector{kWikiV4});
  CHECK(s.portal.requests() == 0);
}

// The client may have been restarted, and numbers its names anew.
TEST_CASE("a restarted client reaches its names, not those of its former life") {
  Wiki s;
  s.records["git.example.com"] = {Ipv4Address{{10, 7, 7, 7}}};
  const IpAddress wiki = s.look_up("wiki.example.com").at(0);
  REQUIRE(s.ask(datagram(wiki)).size() == 1);
  s.restart_client(0);
  s.world.run_for(2s);
  const IpAddress git = s.look_up("git.example.com").at(0);
  CHECK(git == wiki);
  CHECK(s.ask(datagram(git)) == only(echo_of(git)));
  CHECK(s.reached() == IpAddress(Ipv4Address{{10, 7, 7, 7}}));
}

}  // namespace
}  // namespace connlib::tunnel
