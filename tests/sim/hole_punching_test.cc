#include <catch2/catch.hpp>

#include "tests/sim/test_machines.h"
#include "tests/sim/world.h"

namespace connlib::sim {
namespace {

bool is_symmetric(const NatBehaviour& nat) {
  return nat.mapping == Dependence::kAddressAndPortDependent;
}
bool filters_ports(const NatBehaviour& nat) {
  return nat.filtering == Dependence::kAddressAndPortDependent;
}

// Two punchers learn their mapped addresses from a mirror and then knock at each other.
struct Meeting {
  explicit Meeting(World& w, HostId a_host, HostId b_host)
      : world(w),
        a(w.emplace<Puncher>(a_host, "a", {port(5000)}, uint16_t{5000})),
        b(w.emplace<Puncher>(b_host, "b", {port(5000)}, uint16_t{5000})) {
    const HostId server = w.add_host("mirror");
    w.emplace<Mirror>(server, "mirror", {port(3478)});
    address = w.network().addresses(server);
  }
  bool learn(IpFamily family) {
    for (const IpAddress& ip : address) {
      if (ip.family() != family) continue;
      world.act(a, [&](Puncher& m, Timestamp now) { m.ask({ip, 3478}, now); });
      world.act(b, [&](Puncher& m, Timestamp now) { m.ask({ip, 3478}, now); });
    }
    return world.run_until([&] { return a->mapped && b->mapped; }, 1s);
  }
  bool punch() {
    world.act(a, [&](Puncher& m, Timestamp now) { m.start(*b->mapped, now); });
    world.act(b, [&](Puncher& m, Timestamp now) { m.start(*a->mapped, now); });
    return world.run_until([&] { return a->is_through && b->is_through; }, 5s);
  }

  World& world;
  Handle<Puncher> a;
  Handle<Puncher> b;
  std::vector<IpAddress> address;
};

}  // namespace

TEST_CASE("hole punching works for every pair of NATs but symmetric with a port filter") {
  const auto first = GENERATE(values({kFullCone, kAddressRestricted, kPortRestricted, kSymmetric}));
  const auto second =
      GENERATE(values({kFullCone, kAddressRestricted, kPortRestricted, kSymmetric}));
  CAPTURE(first.name, second.name);
  World world(17);
  const SiteId a = world.add_site({.name = "site-a", .nat = first, .link = {.latency = 3ms}});
  const SiteId b = world.add_site({.name = "site-b", .nat = second, .link = {.latency = 40ms}});
  Meeting meeting(world, world.add_host("a", {.site = a}), world.add_host("b", {.site = b}));

  REQUIRE(meeting.learn(IpFamily::kV4));
  const bool is_hopeless = (is_symmetric(first) && filters_ports(second)) ||
                           (is_symmetric(second) && filters_ports(first));
  CHECK(meeting.punch() == !is_hopeless);
}

TEST_CASE("a symmetric NAT meets a public host") {
  World world(18);
  const SiteId site = world.add_site({.name = "site", .nat = kSymmetric});
  Meeting meeting(world, world.add_host("a", {.site = site}), world.add_host("b"));
  REQUIRE(meeting.learn(IpFamily::kV4));
  CHECK(meeting.punch());
}

TEST_CASE("two stateful IPv6 firewalls are punched like NATs") {
  World world(19);
  const SiteId a = world.add_site({.name = "site-a", .firewall = FirewallBehaviour{}});
  const SiteId b = world.add_site({.name = "site-b", .firewall = FirewallBehaviour{}});
  const HostId alice = world.add_host("a", {.site = a});
  Meeting meeting(world, alice, world.add_host("b", {.site = b}));
  REQUIRE(meeting.learn(IpFamily::kV6));
  CHECK(meeting.a->mapped->ip == world.network().address(alice, IpFamily::kV6));
  CHECK(meeting.punch());
}

TEST_CASE("two hosts behind one NAT meet by its outer address only with hairpin") {
  const bool hairpins = GENERATE(false, true);
  CAPTURE(hairpins);
  NatBehaviour nat = GENERATE(values({kFullCone, kPortRestricted}));
  nat.hairpins = hairpins;
  World world(20);
  const SiteId site = world.add_site({.name = "site", .nat = nat});
  Meeting meeting(world, world.add_host("a", {.site = site}), world.add_host("b", {.site = site}));
  REQUIRE(meeting.learn(IpFamily::kV4));
  CHECK(meeting.punch() == hairpins);
}

TEST_CASE("double NAT is as hard as its hardest layer") {
  const auto [carrier, home, expected] = GENERATE(table<NatBehaviour, NatBehaviour, bool>({
      {kFullCone, kFullCone, true},
      {kPortRestricted, kFullCone, true},
      {kSymmetric, kFullCone, false},
      {kFullCone, kSymmetric, false},
  }));
  CAPTURE(carrier.name, home.name);
  World world(21);
  const SiteId cgn = world.add_site(
      {.name = "carrier", .nat = carrier, .inner_v4 = IpPrefix::parse("100.64.0.0/10")});
  const SiteId inner = world.add_site({.name = "home", .parent = cgn, .nat = home});
  const SiteId other = world.add_site({.name = "other", .nat = kPortRestricted});
  const HostId a = world.add_host("a", {.site = inner});
  Meeting meeting(world, a, world.add_host("b", {.site = other}));
  REQUIRE(meeting.learn(IpFamily::kV4));
  CHECK(meeting.a->mapped->ip == world.network().nat(cgn).outer());
  CHECK(IpPrefix::parse("100.64.0.0/10")->contains(world.network().nat(inner).outer()));
  CHECK(meeting.punch() == expected);
}

TEST_CASE("two homes behind one carrier meet through its hairpin") {
  NatBehaviour carrier = kFullCone;
  carrier.hairpins = GENERATE(false, true);
  CAPTURE(carrier.hairpins);
  World world(22);
  const SiteId cgn = world.add_site({.name = "carrier", .nat = carrier});
  const SiteId a = world.add_site({.name = "home-a", .parent = cgn});
  const SiteId b = world.add_site({.name = "home-b", .parent = cgn});
  Meeting meeting(world, world.add_host("a", {.site = a}), world.add_host("b", {.site = b}));
  REQUIRE(meeting.learn(IpFamily::kV4));
  CHECK(meeting.a->mapped->ip == meeting.b->mapped->ip);
  CHECK(meeting.punch() == carrier.hairpins);
}

}  // namespace connlib::sim
