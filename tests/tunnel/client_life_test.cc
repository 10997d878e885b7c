// The life of a client: the portal comes and goes, networks change, users switch.
#include <algorithm>

#include <catch2/catch.hpp>

#include "snownet/node/goodbye.h"
#include "tests/tunnel/packets.h"

namespace connlib::tunnel {
namespace {

using client::Fate;
using client::Status;

const ResourceId kLab("lab");

bool has_route(const Setting& s, const char* network) {
  const auto& routes = s.client->tun_config->routes;
  return std::find(routes.begin(), routes.end(), IpPrefix::parse(network).value()) != routes.end();
}
void connect(Setting& s) {
  s.init({cidr("lab", "172.20.0.0/16")});
  s.send(to("172.20.1.1:53"));
  REQUIRE(s.run_until_received(0, to("172.20.1.1:53")));
}

TEST_CASE("a lone packet arrives although the first request was lost") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  s.is_portal_up = false;
  s.send(to("172.20.1.1:53"));
  s.world.run_for(1s);
  s.is_portal_up = true;
  CHECK(s.run_until_received(0, to("172.20.1.1:53")));
}

TEST_CASE("sites without gateways are offline for five minutes, and the user hears it once") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  s.is_answering = false;
  for (int i = 0; i < 3; ++i) {
    s.send(to("172.20.1.1:53"));
    s.refuse(kLab, portal::FailureReason::Code::kOffline);
    s.world.run_for(3s);
  }
  const auto status = [&] { return s.client->reports.back().resources[0].status; };
  CHECK(s.client->notices.size() == 1);
  CHECK(status() == Status::kOffline);
  s.world.run_for(4min);
  CHECK(status() == Status::kOffline);
  s.world.run_for(70s);
  CHECK(status() == Status::kUnknown);
}

TEST_CASE("a refusal is not repeated until there is fresh traffic") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  s.is_answering = false;
  s.send(to("172.20.1.1:53"));
  s.refuse(kLab, portal::FailureReason::Code::kForbidden);
  s.world.run_for(1h);
  CHECK(s.requests() == 1);
  CHECK(s.client->notices.empty());
  s.send(to("172.20.1.1:53", 2));
  CHECK(s.requests() == 2);
}

TEST_CASE("the Internet is routed while the user wants it, whichever comes first") {
  Setting s;
  s.act([](client::ClientState& state, Timestamp now) { state.want_internet(now, true); });
  s.init({resource("internet", InternetAddress{})});
  CHECK(has_route(s, "0.0.0.0/0"));
  s.send(to("8.8.8.8:53"));
  REQUIRE(s.run_until_received(0, to("8.8.8.8:53")));
  s.gateway_sends(from("9.9.9.9:53"));
  CHECK(s.client->received.size() == 1);

  s.act([](client::ClientState& state, Timestamp now) { state.want_internet(now, false); });
  s.world.run_for(200ms);
  CHECK_FALSE(has_route(s, "0.0.0.0/0"));
  CHECK(s.send(to("8.8.8.8:53", 2)) == Fate::kUnknownResource);
  CHECK(snownet::node::is_goodbye(s.gateway().received.back()));
}

// The reference switched it off silently (spec tunnel 2.2).
TEST_CASE("an Internet resource that moves to another site stays on") {
  Setting s;
  s.act([](client::ClientState& state, Timestamp now) { state.want_internet(now, true); });
  s.init({resource("internet", InternetAddress{})});
  s.tell(portal::ResourceUpserted{resource("internet", InternetAddress{}, {}, "site1")});
  CHECK(has_route(s, "0.0.0.0/0"));
  CHECK(s.send(to("8.8.8.8:53")) == Fate::kWaiting);
}

// Lesson bb3eb13723, invariant 13 of spec tunnel 11.6.
TEST_CASE("an init that changes nothing is no event and no new connection") {
  Setting s;
  connect(s);
  const size_t reports = s.client->reports.size();
  s.client->tun_config.reset();
  s.init({cidr("lab", "172.20.0.0/16")});
  CHECK(s.client->reports.size() == reports);
  CHECK_FALSE(s.client->tun_config);
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kSent);
}

TEST_CASE("an init without a resource takes it away") {
  Setting s;
  connect(s);
  s.init({});
  CHECK(snownet::node::is_goodbye(s.gateway().received.back()));
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kUnknownResource);
  CHECK_FALSE(has_route(s, "172.20.0.0/16"));
  CHECK(s.client->reports.back().resources.empty());
}

TEST_CASE("another network changes the key, and the known gateway is preferred afterwards") {
  Setting s;
  connect(s);
  const PublicKey before = s.client->state().public_key();
  s.act([&](client::ClientState& state, Timestamp now) {
    s.world.network().move(s.client_host, {});
    state.reset(now);
  });
  s.world.run_for(5s);
  CHECK(s.client->reconnects == 1);
  CHECK(s.client->state().public_key() != before);
  CHECK(s.client->reports.back().resources[0].status == Status::kUnknown);

  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kWaiting);
  CHECK(s.all_requests().back().connected_gateway_ids == std::vector{GatewayId("gateway0")});
  CHECK(s.run_until_received(0, to("172.20.1.1:53", 2), 30s));
}

TEST_CASE("a grant without a relay tells the portal, and succeeds when there is one") {
  Setting s;
  s.with_relays = false;
  s.init({cidr("lab", "172.20.0.0/16")});
  s.send(to("172.20.1.1:53"));
  s.world.run_for(1s);
  CHECK(s.no_relays > 0);
  CHECK(s.client->state().node().connection_count() == 0);
  s.with_relays = true;
  s.init({cidr("lab", "172.20.0.0/16")});
  CHECK(s.run_until_received(0, to("172.20.1.1:53"), 30s));
}

TEST_CASE("shutting down says goodbye") {
  Setting s;
  connect(s);
  s.act([](client::ClientState& state, Timestamp now) { state.shut_down(now); });
  s.world.run_for(200ms);
  CHECK(snownet::node::is_goodbye(s.gateway().received.back()));
  CHECK(s.client->state().node().connection_count() == 0);
}

TEST_CASE("a gateway that dies is noticed, and the next packet finds the other one") {
  Setting s(7, 2);
  connect(s);
  s.world.kill(s.sites[0].machine.id);
  s.is_answering = false;
  for (int second = 0; second < 60 && s.client->state().node().connection_count() > 0; ++second) {
    s.send(to("172.20.1.1:53", 2));
    s.world.run_for(1s);
  }
  CHECK(s.client->reports.back().resources[0].status == Status::kUnknown);
  s.send(to("172.20.1.1:53", 3));
  s.authorize(kLab, 1);
  CHECK(s.run_until_received(1, to("172.20.1.1:53", 3)));
}

}  // namespace
}  // namespace connlib::tunnel
