// S09 to S14: setting up a connection when candidates are late, lost or absent, and relays too.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::ice::CandidateKind;
using snownet::node::LateCandidates;

bool knows_as(const Party& from, const Party& to, CandidateKind kind) {
  const auto* agent = from->agent_to(to.id());
  if (agent == nullptr) return false;
  const auto remotes = agent->remote_candidates();
  return std::any_of(remotes.begin(), remotes.end(),
                     [kind](const auto& candidate) { return candidate.kind == kind; });
}

void delay_candidates(Deployment& d, const Party& to, Duration by) {
  d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp) {
    portal.set_delay("ice_candidates", to.id(), by);
  });
}

// --- S09

// The two are a few milliseconds apart and the portal a quarter of a second away, so the client is
// heard long before its candidates are.
void tell_s09(Telling& t) {
  const bool is_literal = t.variant() == 2;
  const Edge edge = t.variant() == 1 ? kFullCone : kOpen;
  const Weather weather{.client = 2ms, .gateway = 2ms, .portal = 250ms, .relays = {20ms, 20ms}};
  Deployment d(t,
               {.client = edge,
                .gateway = edge,
                .weather = weather,
                .policy = is_literal ? LateCandidates::kLiteral : LateCandidates::kFreezeRelays});
  d.start();
  const auto met_early = [&] {
    return remote_kind(d.gateway(), d.client()) == CandidateKind::kPeerReflexive;
  };
  t.require(d.world.run_until(met_early, 2s), "the client is heard before it is signalled");
  if (is_literal) {
    d.world.run_for(10s);
    t.expect(knows_as(d.gateway(), d.client(), CandidateKind::kPeerReflexive),
             "the 2024 text throws the real candidates away");
    return;
  }
  expect_path(t, d, PathKind::kDirect);
  t.expect(!knows_as(d.gateway(), d.client(), CandidateKind::kPeerReflexive),
           "signalled candidates replace what was guessed");
  t.expect(remote_kind(d.gateway(), d.client()) ==
               (edge.nat ? CandidateKind::kServerReflexive : CandidateKind::kHost),
           "the best pair is selected in the end");
  expect_lasting(t, d);
}

// --- S10

// The client's NAT lets its relays in, whatever they send, but not the gateway. So what it sees
// first is a check from the gateway's relay, and it cannot know what that is.
void tell_s10(Telling& t) {
  const Weather weather{.client = 10ms, .gateway = 10ms, .portal = 250ms, .relays = {10ms, 10ms}};
  Deployment d(t, {.client = kAddressRestricted, .gateway = kPortRestricted, .weather = weather});
  delay_candidates(d, d.client(), 500ms);
  d.start();
  const auto is_relay = [&](const SocketAddress& address) {
    return std::any_of(d.relays().begin(), d.relays().end(), [&](const auto& relay) {
      return relay.sockets[0] && relay.sockets[0]->ip == address.ip;
    });
  };
  const auto is_mistaken = [&] {
    const auto* agent = d.client()->agent_to(d.gateway().id());
    return agent != nullptr && agent->selected() && is_relay(agent->selected()->remote) &&
           remote_kind(d.client(), d.gateway()) == CandidateKind::kPeerReflexive;
  };
  t.require(d.world.run_until(is_mistaken, 2s), "the relay is taken for a peer");
  expect_path(t, d, PathKind::kDirect);
}

// --- S11

void tell_s11(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  for (const Party* party : {&d.client(), &d.gateway()}) delay_candidates(d, *party, 10min);
  d.start();
  d.world.run_for(12s);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const Timestamp created_at = (*party)->history().first(Happening::kCreated);
    const Timestamp failed_at = (*party)->history().first(Happening::kFailed);
    t.require(!created_at.is_never(), party->id() + " is authorized");
    t.within(party->id() + " failed", failed_at - created_at);
    t.expect(failed_at - created_at >= 10s, party->id() + " waits for ten seconds");
  }
}

// The client hears of the gateway, but not the other way round.
void tell_s11_heard(Telling& t) {
  Deployment d(t, {.client = kOpen, .gateway = kOpen});
  d.world.act(d.portal, [](ScriptedPortal& portal, Timestamp) {
    portal.swallow("ice_candidates", "gateway");
  });
  d.start();
  t.require(d.run_until_echo(d.started_at(), 5s), "the two are connected");
  d.world.run_for(12s);
  t.expect(remote_kind(d.gateway(), d.client()) == CandidateKind::kPeerReflexive,
           "the gateway knows the client from its checks alone");
  t.expect(d.gateway()->history().count(Happening::kFailed) == 0, "it does not fail");
  const Timestamp since = d.world.now();
  t.within("echo", d.run_until_echo(since, 2s) ? d.world.now() - since : Duration::max(), 2s);
}

void tell_s11_both(Telling& t) { t.variant() == 0 ? tell_s11(t) : tell_s11_heard(t); }

// --- S12

void tell_s12(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kOpen});
  d.world.network().set_blocks_udp(*d.client().edge.site, true);
  const auto has_relays = [&] { return !d.client()->node().relays().empty(); };
  t.require(d.world.run_until(has_relays, 2s), "the client is told of relays");
  const Timestamp told_at = d.world.now();
  const auto has_none = [&] { return d.client()->history().count(Happening::kNoRelays) > 0; };
  t.require(d.world.run_until(has_none, 20s), "the client gives its relays up");
  const Duration after = d.world.now() - told_at;
  t.within("no relays", after);
  // Transmissions at 0, 1, 2.5 and 4.75 s, and a last wait.
  t.expect(after >= 8'125ms, fmt::format("not before the last wait is over ({})", to_text(after)));
  set_echo(d, 1s);
  d.world.run_for(3s);
  t.expect(d.client()->history().count(Happening::kUpsertFailed) > 0, "nothing can be upserted");
  t.expect(d.client()->node().connection_count() == 0, "and nothing is");
  t.expect(d.gateway()->history().count(Happening::kNoRelays) == 0, "the gateway has its relays");
}

// --- S13

struct LossyPairing {
  Edge client;
  Edge gateway;
  PathKind expected{};
};
constexpr std::array kLossyPairings = {
    LossyPairing{kSymmetric, kPortRestricted, PathKind::kRelayed},
    LossyPairing{kSymmetric, kSymmetric, PathKind::kRelayToRelay},
    LossyPairing{kRelaysOnly, kFullCone, PathKind::kRelayed}};

void tell_s13(Telling& t) {
  const LossyPairing& pairing = kLossyPairings.at(t.variant());
  Deployment d(t, {.client = pairing.client, .gateway = pairing.gateway, .loss_percent = 10});
  d.start();
  const auto are_selected = [&] { return d.path_kind().has_value(); };
  t.require(d.world.run_until(are_selected, 3 * t.bound()), "both select a path");
  t.within("selected at both", d.world.now() - d.started_at());
  // A ping or its answer may be lost as well, and then the next one takes its way.
  expect_echo_within(t, d, d.started_at(), t.bound() + 2s);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    t.within("established at " + party->id(),
             (*party)->history().first(Happening::kEstablished) - d.started_at());
  }
  d.world.run_for(10s);
  // The controlled side may doubt a path now and then, as long as its checks get lost. Not after.
  for (const Party* party : {&d.client(), &d.gateway()}) {
    d.world.network().cable(party->edge.host).set({.latency = party->latency});
  }
  d.world.run_for(20s);
  t.expect(d.path_kind() == pairing.expected, "the path is as without loss");
  expect_lasting(t, d);
}

// --- S14

// Round trips of 30, 32, 35, 40 and 200 ms. Each new connection draws one of those that are near.
void tell_s14(Telling& t) {
  constexpr int kConnections = 60;
  const Weather weather{
      .client = 10ms, .gateway = 10ms, .portal = 30ms, .relays = {5ms, 6ms, 7500us, 10ms, 90ms}};
  Deployment d(t, {.client = kOpenV4, .gateway = kOpenV4, .relays = 0, .weather = weather});
  d.world.act(d.portal, [](ScriptedPortal& portal, Timestamp) { portal.set_relays_per_peer(5); });
  for (size_t i = 0; i < 5; ++i) d.add_relay(fmt::format("relay {}", i + 1), weather.relays[i]);
  d.warm_up();
  d.start(1s);
  std::map<size_t, int> chosen;
  for (int i = 0; i < kConnections; ++i) {
    const auto relay = [&] { return d.relay_of(d.client(), d.gateway()); };
    t.require(d.world.run_until([&] { return relay().has_value(); }, 5s), "a relay is chosen");
    ++chosen[*relay()];
    d.world.act(d.client().peer,
                [&](NodePeer& peer, Timestamp now) { peer.forget(now, d.gateway().id()); });
  }
  for (size_t i = 0; i < 4; ++i) {
    t.expect(chosen[i] > 0, fmt::format("relay {} is near and gets connections", i + 1));
  }
  t.expect(chosen[4] == 0, "the one that is far gets none");
}

}  // namespace

std::vector<Story> setting_up_stories() {
  return {
      {.id = "S09",
       .title = "peers that are closer to each other than to the portal end on their best path",
       .expected = "stays up; signalled candidates replace peer-reflexive ones",
       .bound = 5s,
       .tell = tell_s09,
       .variants = {"open", "full cone", "Literal, which cannot"}},
      {.id = "S10",
       .title = "a relay that was taken for a peer does not hold the connection",
       .expected = "direct",
       .bound = 5s,
       .tell = tell_s10},
      {.id = "S11",
       .title = "a connection whose peer never signals a candidate fails after ten seconds",
       .expected = "failed; who is heard from directly is not missed",
       .bound = 10'100ms,
       .tell = tell_s11_both,
       .variants = {"nobody is signalled", "one end is heard directly"}},
      {.id = "S12",
       .title = "where UDP is blocked no relay is left after eight seconds, nobody can connect",
       .expected = "NoRelays, upserts fail",
       .bound = 8'500ms,
       .tell = tell_s12},
      {.id = "S13",
       .title = "peers that need relays get through a loss of ten percent",
       .expected = "established at both",
       .bound = 10s,
       .tell = tell_s13,
       .variants = {"symmetric and port-restricted", "symmetric twice",
                    "relays only and full cone"}},
      {.id = "S14",
       .title = "relays that are near share the connections, one that is far gets none",
       .expected = "the slow one is never chosen",
       .bound = 0s,
       .tell = tell_s14,
       .seeds_divided_by = 4},
  };
}

}  // namespace connlib::scenarios
