#include "tests/sim/network.h"

#include <catch2/catch.hpp>

#include "tests/sim/test_machines.h"
#include "tests/sim/world.h"

namespace connlib::sim {
namespace {

constexpr uint16_t kPort = 5000;

// A puppet on a host, and words for what the stories need.
struct Actor {
  Actor(World& w, const std::string& name, const InterfaceConfig& config = {})
      : world(w),
        host(w.add_host(name, config)),
        puppet(w.emplace<Puppet>(host, name, {port(kPort)})) {}

  SocketAddress v4() const { return {*world.network().address(host, IpFamily::kV4), kPort}; }
  SocketAddress v6() const { return {*world.network().address(host, IpFamily::kV6), kPort}; }
  void send(const SocketAddress& to, std::string_view text = "hello", Ecn ecn = Ecn::kNotEct) {
    world.act(puppet, [&](Puppet& m, Timestamp now) { m.send(kPort, to, text, now, ecn); });
  }
  size_t received() const { return puppet->inbox.size(); }
  SocketAddress heard_from() const { return puppet->inbox.back().from; }

  World& world;
  HostId host;
  Handle<Puppet> puppet;
};

}  // namespace

TEST_CASE("a datagram arrives after the latencies of its way, with its mark") {
  World world(1);
  const SiteId site = world.add_site({.name = "site", .link = {.latency = 30ms}});
  Actor inside(world, "inside", {.site = site, .link = {.latency = 1ms}});
  Actor server(world, "server", {.link = {.latency = 7ms}});
  const Timestamp sent = world.now();
  inside.send(server.v4(), "hello", Ecn::kEct0);
  world.run_for(1s);
  REQUIRE(server.received() == 1);
  CHECK(server.puppet->inbox[0].at - sent == 38ms);
  CHECK(server.puppet->inbox[0].ecn == Ecn::kEct0);
  CHECK(server.puppet->inbox[0].text == "hello");
  CHECK(server.heard_from() == SocketAddress{world.network().nat(site).outer(), kPort});
  server.send(server.heard_from());
  world.run_for(1s);
  CHECK(inside.received() == 1);
}

TEST_CASE("private and unknown addresses vanish on the Internet") {
  World world(2);
  const SiteId a = world.add_site({.name = "a"});
  const SiteId b = world.add_site({.name = "b"});
  Actor alice(world, "alice", {.site = a});
  Actor bob(world, "bob", {.site = b});
  alice.send(bob.v4());  // 10.0.2.2 means nothing outside b.
  alice.send(*SocketAddress::parse("198.51.100.77:80"));
  alice.send(*SocketAddress::parse("[2001:db8:ffff::1]:80"));
  world.run_for(1s);
  CHECK(bob.received() == 0);
  CHECK(world.network().drops(DropReason::kUnroutable) == 3);
}

TEST_CASE("neighbours reach each other by private addresses, without their NAT") {
  World world(3);
  const SiteId site = world.add_site({.name = "site", .nat = kSymmetric});
  Actor alice(world, "alice", {.site = site});
  Actor bob(world, "bob", {.site = site});
  alice.send(bob.v4());
  alice.send(bob.v6());
  alice.send(alice.v4());  // Itself.
  world.run_for(1s);
  CHECK(bob.received() == 2);
  CHECK(alice.received() == 1);
  CHECK(world.network().nat(site).live_mappings(world.now()) == 0);
}

TEST_CASE("sites may use the same private range") {
  World world(4);
  const auto range = IpPrefix::parse("192.168.1.0/24");
  const SiteId a = world.add_site({.name = "a", .inner_v4 = range});
  const SiteId b = world.add_site({.name = "b", .inner_v4 = range});
  Actor alice(world, "alice", {.site = a});
  Actor bob(world, "bob", {.site = b});
  Actor server(world, "server");
  CHECK(alice.v4() == bob.v4());
  alice.send(server.v4());
  world.run_for(1s);
  server.send(server.heard_from(), "for alice");
  bob.send(server.v4());
  world.run_for(1s);
  server.send(server.heard_from(), "for bob");
  world.run_for(1s);
  CHECK(alice.puppet->inbox.at(0).text == "for alice");
  CHECK(bob.puppet->inbox.at(0).text == "for bob");
}

TEST_CASE("IPv6 is routed in untranslated, unless a stateful firewall stands there") {
  const bool is_stateful = GENERATE(false, true);
  CAPTURE(is_stateful);
  World world(5);
  SiteConfig config{.name = "site"};
  if (is_stateful) config.firewall = FirewallBehaviour{.expiry = 30s};
  const SiteId site = world.add_site(config);
  Actor inside(world, "inside", {.site = site});
  Actor outside(world, "outside");
  Actor stranger(world, "stranger");

  outside.send(inside.v6());
  world.run_for(1s);
  CHECK(inside.received() == (is_stateful ? 0 : 1));
  inside.send(outside.v6());
  world.run_for(1s);
  CHECK(outside.heard_from() == inside.v6());
  outside.send(inside.v6(), "answer");
  stranger.send(inside.v6(), "stranger");
  world.run_for(1s);
  CHECK(inside.received() == (is_stateful ? 1 : 3));
  world.run_for(30s);
  outside.send(inside.v6(), "late");
  world.run_for(1s);
  CHECK(inside.received() == (is_stateful ? 1 : 4));
}

TEST_CASE("a routed site has public IPv4 addresses behind its firewall") {
  World world(6);
  const SiteId site = world.add_site({.name = "office",
                                      .nat = std::nullopt,
                                      .inner_v4 = IpPrefix::parse("198.51.100.0/24"),
                                      .firewall = FirewallBehaviour{}});
  Actor inside(world, "inside", {.site = site});
  Actor outside(world, "outside");
  outside.send(inside.v4());
  world.run_for(1s);
  CHECK(inside.received() == 0);
  inside.send(outside.v4());
  world.run_for(1s);
  CHECK(outside.heard_from() == inside.v4());
  outside.send(inside.v4());
  world.run_for(1s);
  CHECK(inside.received() == 1);
}

TEST_CASE("a site without NAT leaks private sources that nobody can answer") {
  World world(7);
  const SiteId site = world.add_site({.name = "site", .nat = std::nullopt});
  Actor inside(world, "inside", {.site = site});
  Actor outside(world, "outside");
  inside.send(outside.v4());
  world.run_for(1s);
  CHECK(outside.heard_from() == inside.v4());
  outside.send(outside.heard_from());
  world.run_for(1s);
  CHECK(inside.received() == 0);
}

TEST_CASE("a site that blocks UDP lets nothing out or in, and neighbours talk on") {
  World world(8);
  const SiteId site = world.add_site({.name = "site"});
  Actor alice(world, "alice", {.site = site});
  Actor bob(world, "bob", {.site = site});
  Actor server(world, "server");
  alice.send(server.v4());
  world.run_for(1s);
  world.network().set_blocks_udp(site, true);
  server.send(server.heard_from());
  alice.send(server.v4());
  alice.send(server.v6());
  alice.send(bob.v4());
  world.run_for(1s);
  CHECK(server.received() == 1);
  CHECK(alice.received() == 0);
  CHECK(bob.received() == 1);
  CHECK(world.network().drops(DropReason::kUdpBlocked) == 3);
}

TEST_CASE("a site that lets UDP go to one port only hears from that port only") {
  World world(3);
  const auto site = world.add_site({.name = "office", .nat = kFullCone, .only_udp_port = 3478});
  const auto inside = world.add_host("inside", {.site = site, .families = Families::kV4Only});
  const auto outside = world.add_host("outside");
  const auto a = world.emplace<Puppet>(inside, "a", {port(5000)});
  const auto b = world.emplace<Puppet>(outside, "b", {port(3478), port(5000)});
  const IpAddress server = *world.network().address(outside, IpFamily::kV4);
  world.act(a, [&](Puppet& m, Timestamp now) {
    m.send(5000, {server, 3478}, "allowed", now);
    m.send(5000, {server, 5000}, "refused", now);
  });
  world.run_for(1s);
  REQUIRE(b->inbox.size() == 1);
  CHECK(b->inbox[0].text == "allowed");
  const SocketAddress mapped = b->inbox[0].from;
  world.act(b, [&](Puppet& m, Timestamp now) {
    m.send(3478, mapped, "answer", now);
    m.send(5000, mapped, "intruder", now);
  });
  world.run_for(1s);
  REQUIRE(a->inbox.size() == 1);
  CHECK(a->inbox[0].text == "answer");
  CHECK(world.network().drops(DropReason::kUdpBlocked) == 2);
}

TEST_CASE("a cut route kills one path, one way if wanted, and leaves the others") {
  World world(9);
  const SiteId site = world.add_site({.name = "site"});
  Actor alice(world, "alice", {.site = site});
  Actor bob(world, "bob");
  Actor relay(world, "relay");
  alice.send(bob.v4());
  world.run_for(1s);
  const SocketAddress public_alice = bob.heard_from();

  world.network().set_route(alice.host, bob.host, {.is_cut = true});
  alice.send(bob.v4());
  alice.send(bob.v6());
  alice.send(relay.v4());
  bob.send(public_alice);
  world.run_for(1s);
  CHECK(bob.received() == 1);
  CHECK(relay.received() == 1);
  CHECK(alice.received() == 1);

  world.network().cut(alice.host, bob.host);
  bob.send(public_alice);
  world.run_for(1s);
  CHECK(alice.received() == 1);
  world.network().mend(alice.host, bob.host);
  alice.send(bob.v4());
  bob.send(public_alice);
  world.run_for(1s);
  CHECK(alice.received() == 2);
  CHECK(bob.received() == 2);
}

TEST_CASE("a host that moves has only its new address") {
  World world(10);
  const SiteId home = world.add_site({.name = "home"});
  const SiteId mobile = world.add_site({.name = "mobile"});
  Actor phone(world, "phone", {.site = home});
  Actor server(world, "server");
  phone.send(server.v4());
  world.run_for(1s);
  const SocketAddress before = server.heard_from();
  const SocketAddress old_inner = phone.v4();

  server.send(before, "on its way");
  world.run_for(GENERATE(6ms, 12ms));  // On the Internet; on the last cable.
  world.network().move(phone.host, {.site = mobile});
  CHECK(phone.v4() != old_inner);
  world.run_for(1s);
  server.send(before, "too late");
  world.run_for(1s);
  CHECK(phone.received() == 0);
  CHECK(world.network().nat(home).live_mappings(world.now()) == 1);  // Nothing bounced out again.

  phone.send(server.v4());
  world.run_for(1s);
  CHECK(server.heard_from().ip == world.network().nat(mobile).outer());
  server.send(server.heard_from(), "welcome");
  world.run_for(1s);
  CHECK(phone.received() == 1);

  world.network().disconnect(phone.host);
  phone.send(server.v4(), "nowhere");
  world.run_for(1s);
  CHECK(server.received() == 2);
  CHECK(world.network().drops(DropReason::kNoSuchSource) == 1);
}

TEST_CASE("a NAT that reboots in the middle gives a symmetric flow another port") {
  World world(11);
  const SiteId site = world.add_site({.name = "site", .nat = kSymmetric});
  Actor alice(world, "alice", {.site = site});
  Actor server(world, "server");
  alice.send(server.v4());
  world.run_for(1s);
  const SocketAddress before = server.heard_from();
  world.network().nat(site).reboot();
  server.send(before);
  world.run_for(1s);
  CHECK(alice.received() == 0);
  alice.send(server.v4());
  world.run_for(1s);
  CHECK(server.heard_from().ip == before.ip);
  CHECK(server.heard_from().port != before.port);
}

TEST_CASE("families do not mix") {
  World world(12);
  Actor four(world, "four", {.families = Families::kV4Only});
  Actor six(world, "six", {.families = Families::kV6Only});
  CHECK(world.network().addresses(four.host).size() == 1);
  CHECK(world.network().addresses(six.host).size() == 1);
  four.send(six.v6());
  six.send(four.v4());
  world.run_for(1s);
  CHECK(four.received() + six.received() == 0);
}

TEST_CASE("a forger's source address is believed, an answer goes to its owner") {
  World world(13);
  Actor victim(world, "victim");
  Actor server(world, "server");
  world.network().inject({victim.v4(), server.v4(), bytes_of("forged"), Ecn::kNotEct});
  world.run_for(1s);
  REQUIRE(server.received() == 1);
  CHECK(server.heard_from() == victim.v4());
}

TEST_CASE("a larger datagram than the uplink's MTU vanishes, both families counted with headers") {
  World world(14);
  const SiteId site = world.add_site({.name = "site", .link = {.mtu = 1280}});
  Actor alice(world, "alice", {.site = site});
  Actor server(world, "server");
  alice.send(server.v4(), std::string(1280 - 28, 'x'));
  alice.send(server.v6(), std::string(1280 - 48, 'x'));
  alice.send(server.v4(), std::string(1280 - 27, 'x'));
  alice.send(server.v6(), std::string(1280 - 47, 'x'));
  world.run_for(1s);
  CHECK(server.received() == 2);
  CHECK(world.network().drops(DropReason::kTooBig) == 2);
}

}  // namespace connlib::sim
