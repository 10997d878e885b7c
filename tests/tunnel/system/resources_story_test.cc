// Real clients and real gateways: who reaches what, until when, and what they are told.
#include "tests/tunnel/system/story.h"

namespace connlib::tunnel {
namespace {

using client::Fate;
using P = Filter::Protocol;

const ResourceId kLab(uuid("lab"));
const IpAddress kHost = Ipv4Address{{172, 20, 1, 1}};

struct Lab : Story {
  explicit Lab(std::vector<Filter> filters = {}, SystemOptions options = {})
      : Story(std::move(options)) {
    offer(network("lab", "172.20.0.0/16", std::move(filters)));
    world.run_for(100ms);
  }
};

TEST_CASE("a packet reaches a network behind a gateway, and its answer comes back, once each") {
  Lab s;
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
  REQUIRE(s.remote.arrivals.size() == 1);
  CHECK(s.remote.arrivals[0].packet == datagram(kHost));
  CHECK(s.portal.requests() == 1);
  CHECK(s.ask(datagram(kHost, 80)) == only(echo_of(kHost, 80)));
  CHECK(s.portal.requests() == 1);
}

TEST_CASE("errors of routers and hosts behind a gateway come back") {
  const IcmpError error = GENERATE(IcmpError{IpFamily::kV4, 3, 1}, IcmpError{IpFamily::kV4, 3, 3},
                                   IcmpError{IpFamily::kV4, 11, 0});
  Lab s;
  s.remote.set_error(kHost, error);
  CHECK(icmp_kind(s.ask(datagram(kHost))) == std::pair<int, int>(error.type, error.code));
}

TEST_CASE("a filter refuses at the client, and at the gateway whoever ignores it") {
  Lab s({{P::kUdp, 443, 443}});
  CHECK(icmp_kind(s.ask(datagram(kHost, 80))) == kProhibited);
  CHECK(s.portal.requests() == 0);
  REQUIRE(s.ask(datagram(kHost)).size() == 1);

  s.remote.arrivals.clear();
  REQUIRE(s.lie(0, 0, datagram(kHost, 80)));
  s.world.run_for(1s);
  CHECK(icmp_kind(s.received(0)) == kProhibited);
  CHECK(s.remote.arrivals.empty());
}

TEST_CASE("a resource that is taken away in the middle of a flow is gone at both ends") {
  Lab s;
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.edit([&](SystemPortal& p) { p.deny(s.clients[0].id, kLab); });
  s.world.run_for(1s);
  CHECK(s.send(0, datagram(kHost)) == Fate::kUnknownResource);
  CHECK(s.gateways[0]->state().client_count() == 0);
  CHECK_FALSE(s.lie(0, 0, datagram(kHost)));  // There was a goodbye.
}

TEST_CASE("revoking one of two resources leaves the other alone, for liars too") {
  Lab s;
  s.offer(network("attic", "172.21.0.0/16"));
  const IpAddress attic = Ipv4Address{{172, 21, 1, 1}};
  s.world.run_for(100ms);
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  REQUIRE(s.ask(datagram(attic)).size() == 1);
  s.edit([&](SystemPortal& p) { p.deny(s.clients[0].id, kLab); });
  s.world.run_for(1s);
  CHECK(s.ask(datagram(attic)).size() == 1);
  s.remote.arrivals.clear();
  REQUIRE(s.lie(0, 0, datagram(kHost)));
  s.world.run_for(1s);
  CHECK(s.gateways[0]->state().unroutable().of(gateway::Unroutable::kNotAllowed) == 1);
  CHECK(s.remote.arrivals.empty());
}

TEST_CASE("a grant that expires is asked for again by the next packet") {
  Lab s;
  s.edit([](SystemPortal& p) { p.set_lifetime(60s); });
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.world.run_for(70s);
  CHECK(s.gateways[0]->state().client_count() == 0);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
  CHECK(s.portal.requests() == 2);
}

// The gateway still has another resource of ours, so nobody says goodbye: "prohibited" heals it.
TEST_CASE("a grant that expires beside another one heals after one refusal") {
  Lab s;
  s.offer(network("attic", "172.21.0.0/16"));
  s.world.run_for(100ms);
  REQUIRE(s.ask(datagram(Ipv4Address{{172, 21, 1, 1}})).size() == 1);
  s.edit([](SystemPortal& p) { p.set_lifetime(60s); });
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.world.run_for(70s);
  CHECK(icmp_kind(s.ask(datagram(kHost))) == kProhibited);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("other filters hold at once, on both ends, without a new request by hand") {
  Lab s;
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.edit([](SystemPortal& p) { p.put(network("lab", "172.20.0.0/16", {{P::kTcp, 22, 22}})); });
  s.world.run_for(1s);
  CHECK(icmp_kind(s.ask(datagram(kHost))) == kProhibited);
  s.edit([](SystemPortal& p) { p.put(network("lab", "172.20.0.0/16", {{P::kUdp, 1, 500}})); });
  s.world.run_for(1s);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("when a gateway dies the next packets find the other one of the site") {
  Lab s({}, {.gateways_of_sites = {2}});
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  const bool was_first = s.remote.arrivals[0].gateway == s.gateways[0].id;
  s.kill_gateway(was_first ? 0 : 1);
  bool is_reached = false;
  for (int i = 0; i < 40 && !is_reached; ++i) {
    is_reached = s.ask(datagram(kHost, 443, static_cast<uint16_t>(41000 + i)), 1s).size() == 1;
  }
  REQUIRE(is_reached);
  CHECK(s.remote.arrivals.back().gateway == s.gateways[was_first ? 1 : 0].id);
}

TEST_CASE("a gateway that stops says goodbye, and the very next packet finds the other one") {
  Lab s({}, {.gateways_of_sites = {2}});
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  const bool was_first = s.remote.arrivals[0].gateway == s.gateways[0].id;
  s.stop_gateway(was_first ? 0 : 1);
  s.world.run_for(1s);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("a gateway that restarts is found again") {
  Lab s;
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.stop_gateway(0);
  s.world.run_for(5s);
  s.start_gateway(0);
  s.world.run_for(2s);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("a client that roams goes on, and so does one that restarts") {
  const bool restarts = GENERATE(false, true);
  Lab s;
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  if (restarts) {
    s.restart_client(0);
  } else {
    s.roam(0);
  }
  s.world.run_for(3s);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("a portal that is away disturbs nothing that was granted") {
  Lab s;
  REQUIRE(s.ask(datagram(kHost)).size() == 1);
  s.cut_portal_of_client(0);
  s.cut_portal_of_gateway(0);
  s.world.run_for(5min);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
  s.mend_portal_of_gateway(0);
  s.mend_portal_of_client(0);
  s.world.run_for(2s);
  CHECK(s.ask(datagram(kHost)) == only(echo_of(kHost)));
}

TEST_CASE("the Internet is reached while it is wanted, the gateway's own network is not") {
  Story s;
  s.offer(on_wire(resource("internet", InternetAddress{})));
  s.act(0, [](client::ClientState& state, Timestamp now) { state.want_internet(now, true); });
  s.world.run_for(100ms);
  const IpAddress outside = Ipv4Address{{9, 9, 9, 9}};
  CHECK(s.ask(datagram(outside)) == only(echo_of(outside)));
  CHECK(icmp_kind(s.ask(datagram(Ipv4Address{{192, 168, 1, 1}}))) == std::pair(3, 0));
  CHECK(s.remote.arrivals.empty());
}

TEST_CASE("a client reaches another one by its pool, and not the other way round") {
  Story s({.clients = 2});
  const auto& there = s.clients[1];
  s.edit([&](SystemPortal& p) {
    p.put(portal::StaticDevicePool{ResourceId(uuid("laptops")),
                                   "Laptops",
                                   {{there.id, there.addresses}},
                                   {{P::kUdp, 1, 500}}});
    p.allow(s.clients[0].id, ResourceId(uuid("laptops")));
  });
  s.world.run_for(100ms);
  s.send(0, datagram(there.addresses.ipv4));
  REQUIRE(s.world.run_until([&] { return !s.received(1).empty(); }, 10s));
  CHECK(s.received(1) == only(datagram(there.addresses.ipv4)));
  s.send(1, echo_of(there.addresses.ipv4));
  s.world.run_for(1s);
  CHECK(s.received(0) == only(echo_of(there.addresses.ipv4)));
  const auto back =
      testing::udp_packet({there.addresses.ipv4, 9}, {s.clients[0].addresses.ipv4, 9});
  CHECK(s.send(1, back) == Fate::kUnknownResource);
  CHECK(icmp_kind(s.ask(datagram(there.addresses.ipv4, 501))) == kProhibited);
}

}  // namespace
}  // namespace connlib::tunnel
