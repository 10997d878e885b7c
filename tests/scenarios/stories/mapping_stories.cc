// S38 and S39: the NAT between us and our relay gives us another port, and then the old one again.
#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::LateCandidates;

constexpr size_t kClientsRelay = 0;

// Where the client's relay would send to if somebody sent to it.
std::optional<SocketAddress> relayed_address(const Deployment& d) {
  const auto* allocation = d.allocation_at(kClientsRelay, d.client());
  return allocation == nullptr ? std::nullopt : allocation->relayed_address(IpFamily::kV4);
}

void give_relays(Deployment& d) {
  d.choose_relays(d.client(), {"relay 1"});
  d.choose_relays(d.gateway(), {"relay 2"});
}

sim::Nat& clients_nat(Deployment& d) { return d.world.network().nat(*d.client().edge.site); }

void expect_reallocated(Telling& t, Deployment& d, Duration bound) {
  const Timestamp since = d.world.now();
  const auto before = relayed_address(d);
  clients_nat(d).reboot();
  const auto is_reallocated = [&] {
    const auto after = relayed_address(d);
    return after && after != before;
  };
  (void)d.world.run_until(is_reallocated, 2 * bound);
  t.within("reallocated", is_reallocated() ? d.world.now() - since : Duration::max(), bound);
}

void tell_s38(Telling& t) {
  const bool is_asleep = t.variant() == 0;
  const bool is_accepting = t.variant() == 2;
  Deployment d(
      t, {.client = kSymmetric,
          .gateway = kPortRestricted,
          .policy = is_accepting ? LateCandidates::kAcceptAll : LateCandidates::kFreezeRelays});
  give_relays(d);
  d.connect(20s);
  t.require(d.client()->sends_through_relay(d.gateway().id()), "the path is by the client's relay");
  if (is_asleep) {
    set_echo(d, std::nullopt);
    d.world.run_for(1min);
  }
  const Timestamp since = d.world.now();
  expect_reallocated(t, d, is_asleep ? t.bound() : 5s);
  if (is_asleep) {
    d.world.run_for(1s);
    set_echo(d, 100ms);
  }
  expect_echo_within(t, d, d.world.now(), is_accepting ? 3s : 6s);
  // The gateway may be asked to begin anew before it is sure: a new mapped address is worth a try.
  const size_t at_client = d.client()->history().count(Happening::kFailed, since);
  const size_t at_gateway = d.gateway()->history().count(Happening::kFailed, since);
  t.expect(at_client == (is_accepting ? 0U : 1U), fmt::format("{} failures", at_client));
  t.expect(at_gateway <= (is_accepting ? 0U : 1U), fmt::format("{} failures there", at_gateway));
  expect_lasting(t, d);
}

// A NAT that has one port for everybody, and whichever port it had left.
sim::NatBehaviour with_ports(sim::PortAssignment ports) {
  sim::NatBehaviour behaviour = sim::kPortRestricted;
  behaviour.ports = ports;
  return behaviour;
}

// Ports 52625, another one, and 52625 again. A relay that allows a user one allocation frees the
// one of before; one that allows several still has it, under the very port that we come back to.
void tell_s39(Telling& t) {
  const bool is_strict = t.variant() == 0;
  snownet::relay::Limits limits;
  if (is_strict) limits.allocations_per_user = 1;
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted, .relay_limits = limits});
  give_relays(d);
  d.world.network().cut(d.client().edge.host, d.gateway().edge.host);
  d.world.network().cut(d.client().edge.host, d.relay(1).host);
  d.connect(20s);
  t.require(d.client()->sends_through_relay(d.gateway().id()), "the path is by the client's relay");
  const auto& server = d.relay(kClientsRelay).machine->server();
  const Timestamp since = d.world.now();
  clients_nat(d).set_behaviour(with_ports(sim::PortAssignment::kRandom));
  d.world.run_for(20s);
  clients_nat(d).set_behaviour(with_ports(sim::PortAssignment::kPreserving));
  const Timestamp back_at = d.world.now();
  expect_echo_within(t, d, back_at, since + t.bound() - back_at);
  t.expect(server.allocation_count() == (is_strict ? 1U : 2U),
           fmt::format("the relay has {} allocations", server.allocation_count()));
  expect_lasting(t, d);
  if (!is_strict) d.world.run_for(snownet::relay::kDefaultAllocationLifetime);
  t.expect(server.allocation_count() == 1, "in the end the relay has one allocation");
}

}  // namespace

std::vector<Story> mapping_stories() {
  return {
      {.id = "S38",
       .title = "the NAT gives the client another port towards its relay, which carries the path",
       .expected = "reallocated, with traffic within 5 s; then as S26",
       .bound = 27s,
       .tell = tell_s38,
       .variants = {"asleep", "with traffic", "with traffic, AcceptAll"}},
      {.id = "S39",
       .title = "the NAT gives the client another port, and the old one again",
       .expected = "data flows; one allocation in the end",
       .bound = 60s,
       .tell = tell_s39,
       .variants = {"a relay that allows one allocation", "a relay that allows several"}},
  };
}

}  // namespace connlib::scenarios
