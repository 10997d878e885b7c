// S53: somebody who hears everything and has no key talks, too.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "tests/scenarios/forger.h"
#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

constexpr int kForgeries = 1500;
constexpr Duration kEvery = 7ms;

std::string text_of(const std::optional<SocketAddress>& address) {
  return address ? to_text(*address) : "none";
}

std::string state_of(const Party& party, const Party& other) {
  const auto& node = party->node();
  const auto peer = *party->peer_id(other.id());
  std::string text = fmt::format("{}: key {}, {} connections, state {}, path kind {}", party.id(),
                                 to_text(node.public_key()), node.connection_count(),
                                 static_cast<int>(node.state(peer).value()),
                                 static_cast<int>(node.path_kind(peer).value()));
  const auto* agent = node.agent(peer);
  text += fmt::format(", path {} to {}", to_text(agent->selected()->local),
                      to_text(agent->selected()->remote));
  for (const auto& each : agent->local_candidates()) {
    text += fmt::format("\n  our {} {}", snownet::ice::name(each.kind), to_text(each.address));
  }
  for (const auto& each : agent->remote_candidates()) {
    text += fmt::format("\n  their {} {}", snownet::ice::name(each.kind), to_text(each.address));
  }
  text += fmt::format("\n  pairs {}", agent->pairs().size());
  for (const auto& relay : node.relays()) {
    const auto& allocation = *relay.allocation;
    text += fmt::format(
        "\n  relay {} by {}, {} and {}{}", relay.id.value(), text_of(allocation.active_socket()),
        text_of(allocation.relayed_address(IpFamily::kV4)),
        text_of(allocation.relayed_address(IpFamily::kV6)), allocation.failure() ? ", failed" : "");
  }
  const auto tunnel = node.device().find_peer(other->node().public_key());
  for (const auto index : node.device().tunnel(tunnel.value()).session_indices()) {
    text += fmt::format("\n  session {}", index.value());
  }
  return text + fmt::format("\n  {} happenings, {} texts\n", party->history().entries().size(),
                            party->inbox().size());
}

// All that a forger must not be able to change.
std::string state_of(const Deployment& d) {
  std::string text = state_of(d.client(), d.gateway()) + state_of(d.gateway(), d.client());
  for (const auto& relay : d.relays()) {
    text += fmt::format("{}: {} allocations, ports", relay.name,
                        relay.machine->server().allocation_count());
    for (const uint16_t port : relay.machine->open_ports()) text += fmt::format(" {}", port);
    text += "\n";
  }
  return text;
}

uint64_t drops(const Party& party) {
  const auto& drops = party->node().drops();
  return std::accumulate(drops.begin(), drops.end(), uint64_t{0});
}

void forge(Deployment& d, Forger& forger) {
  for (int i = 0; i < kForgeries; ++i) {
    forger.forge();
    d.world.run_for(kEvery);
  }
}

DeploymentOptions options_of(const Telling& t) {
  return {.client = kPortRestricted, .gateway = t.variant() == 1 ? kRelaysOnly : kPortRestricted};
}

void tell_while_connected(Telling& t) {
  Deployment d(t, options_of(t));
  d.connect(20s);
  Forger forger(d, d.world.fork_random());
  d.world.run_for(5s);
  set_echo(d, std::nullopt);
  d.world.run_for(1s);
  const uint64_t answered = d.client()->echo().answered();
  const uint64_t delivered = d.client()->deliveries();
  set_echo(d, 100ms);
  const Timestamp since = d.world.now();
  const std::string before = state_of(d);
  const std::array dropped = {drops(d.client()), drops(d.gateway())};
  forge(d, forger);
  t.expect(forger.forged() == kForgeries, "there was always something to forge");
  const std::string after = state_of(d);
  t.expect(before == after, fmt::format("nothing changes; before:\n{}after:\n{}", before, after));
  t.expect(drops(d.client()) > dropped[0] + kForgeries / 10 &&
               drops(d.gateway()) > dropped[1] + kForgeries / 10,
           "it is dropped and counted at both ends");
  d.world.run_for(2s);
  set_echo(d, std::nullopt);
  d.world.run_for(1s);
  expect_uninterrupted(t, d, since);
  t.expect(d.client()->echo().answered() - answered == d.client()->deliveries() - delivered,
           "what is delivered is the echo, each answer once");
  expect_lasting(t, d);
}

// From the first datagram on; so there is no state yet that could stay as it is.
void tell_while_connecting(Telling& t) {
  Deployment d(t, options_of(t));
  Forger forger(d, d.world.fork_random());
  const auto told = [&](Duration span) {
    for (const Timestamp end = d.world.now() + span; d.world.now() < end;) {
      forger.forge();
      d.world.run_for(kEvery);
    }
  };
  told(Deployment::kWarmUp);
  d.start();
  told(t.bound());
  t.within("echo", d.client()->echo().first_answer(d.started_at()) - d.started_at());
  told(5s);
  t.expect(d.path_kind() == PathKind::kDirect, "the path is the one without a forger");
  expect_lasting(t, d);
}

void tell_s53(Telling& t) { t.variant() == 2 ? tell_while_connecting(t) : tell_while_connected(t); }

}  // namespace

std::vector<Story> forgery_stories() {
  return {{.id = "S53",
           .title = "forged STUN, TURN, WireGuard and ChannelData change nothing",
           .expected = "no state changes, nothing is lost; connected as without them",
           .bound = 4s,
           .tell = tell_s53,
           .variants = {"direct", "relayed", "while they connect"},
           .seeds_divided_by = 2}};
}

}  // namespace connlib::scenarios
