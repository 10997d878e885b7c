// A test in the simulator: a symmetric NAT maps each destination anew, and forgets when it reboots.
#include "tests/sim/world.h"

#include <catch2/catch.hpp>

#include "tests/sim/test_machines.h"

namespace connlib {
namespace {

TEST_CASE("a rebooted NAT answers from another port") {
  // [snippet: world]
  sim::World world(17);
  const auto site =
      world.add_site({.name = "home", .nat = sim::kSymmetric, .link = {.latency = 20ms}});
  const auto laptop = world.add_host("laptop", {.site = site});
  const auto server = world.add_host("server");
  const auto a = world.emplace<sim::Puppet>(laptop, "a", {sim::port(5000)});
  world.emplace<sim::Mirror>(server, "b", {sim::port(5000)});
  const SocketAddress mirror{*world.network().address(server, IpFamily::kV4), 5000};
  const auto ask = [&] {
    const size_t before = a->inbox.size();
    world.act(a, [&](sim::Puppet& puppet, Timestamp now) {  // An input; outputs are drained.
      puppet.send(5000, mirror, "who am I?", now);
    });
    REQUIRE(world.run_until([&] { return a->inbox.size() > before; }, 5s));
    return a->inbox.back().text;
  };
  const std::string mapped = ask();
  CHECK(ask() == mapped);
  world.network().nat(site).reboot();  // And any other fault.
  CHECK(ask() != mapped);
  // [/snippet]
}

}  // namespace
}  // namespace connlib
