// S46 to S49: what happens to a host itself. Its network seems to have changed, or has; it sleeps;
// it loses its portal while everything else is well.
#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::ice::CandidateKind;
using snownet::node::ResetKind;

template <typename Rows>
std::vector<std::string> names_of(const Rows& rows, std::vector<std::string> more = {}) {
  std::vector<std::string> names(rows.size());
  std::transform(rows.begin(), rows.end(), names.begin(), [](const auto& row) { return row.name; });
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

// --- S46

struct FalseAlarm {
  const char* name = "";
  Edge client;
  PathKind path{};
  bool at_client = false;
  bool at_gateway = false;
};
constexpr std::array kFalseAlarms = {
    FalseAlarm{"the client, direct", kPortRestricted, PathKind::kDirect, true, false},
    FalseAlarm{"the client, relayed", kSymmetric, PathKind::kRelayed, true, false},
    FalseAlarm{"the gateway, direct", kPortRestricted, PathKind::kDirect, false, true},
    FalseAlarm{"the gateway, relayed", kSymmetric, PathKind::kRelayed, false, true},
    FalseAlarm{"both, relayed", kSymmetric, PathKind::kRelayed, true, true}};

void reset(Deployment& d, const Party& party, ResetKind kind) {
  d.world.act(party.peer, [&](NodePeer& peer, Timestamp now) { peer.reset_network(now, kind); });
}

void tell_false_alarm(Telling& t, const FalseAlarm& alarm) {
  Deployment d(t, {.client = alarm.client, .gateway = kPortRestricted});
  d.connect();
  t.require(d.path_kind() == alarm.path, fmt::format("the path is {}", name(alarm.path)));
  const std::array keys = {d.client()->node().public_key(), d.gateway()->node().public_key()};
  const Timestamp since = d.world.now();
  if (alarm.at_client) reset(d, d.client(), ResetKind::kUnlessFalseAlarm);
  if (alarm.at_gateway) reset(d, d.gateway(), ResetKind::kUnlessFalseAlarm);
  expect_echo_within(t, d, since, t.bound());
  d.world.run_for(5s);  // Well beyond the second after which an alarm counts as true.
  expect_uninterrupted(t, d, since);
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const History& history = (*party)->history();
    t.expect(history.count(Happening::kClosed, since) == 0, party->id() + " closes nothing");
    t.expect(history.count(Happening::kRequested, since) == 0, "nobody asks the portal");
  }
  t.expect(
      keys[0] == d.client()->node().public_key() && keys[1] == d.gateway()->node().public_key(),
      "the keys are what they were");
  t.expect(d.path_kind() == alarm.path, "the path is what it was");
  expect_lasting(t, d);
}

// What it would cost otherwise: everything is closed, and begins anew under another key.
void tell_alarm_that_always_counts(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  const PublicKey key = d.client()->node().public_key();
  const Timestamp since = d.world.now();
  reset(d, d.client(), ResetKind::kAlways);
  const Timestamp portal_knows_at = since + d.weather.portal;
  expect_echo_within(t, d, since, portal_knows_at - since + 4s);
  t.expect(d.client()->history().count(Happening::kClosed, since) == 1, "the client closes it");
  t.expect(key != d.client()->node().public_key(), "its key is another one");
  expect_lasting(t, d);
}

void tell_s46(Telling& t) {
  if (t.variant() == kFalseAlarms.size()) return tell_alarm_that_always_counts(t);
  tell_false_alarm(t, kFalseAlarms.at(t.variant()));
}

// --- S47

struct Move {
  const char* name = "";
  Edge client;
  Edge gateway;
};
constexpr std::array kMoves = {Move{"to cones", kPortRestricted, kPortRestricted},
                               Move{"to where a relay is needed", kSymmetric, kPortRestricted},
                               Move{"to open networks", kOpen, kOpen}};

// Scene is what happens later, by its time.
using Scene = std::vector<std::pair<Timestamp, std::function<void()>>>;

void play(Deployment& d, Scene scene) {
  std::stable_sort(scene.begin(), scene.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [at, action] : scene) {
    d.world.run_for(at - d.world.now());
    action();
  }
}

// The host of `party` leaves at `at`, is somewhere else up to three seconds later, and its portal
// is there again after at most ten more. Gives the last of these instants.
Timestamp plan_roaming(Scene& scene, Deployment& d, Party& party, const Edge& edge, Timestamp at,
                       RandomSource& random) {
  const Timestamp arrives_at = at + between(random, 0s, 3s);
  const Timestamp returns_at = arrives_at + between(random, 100ms, 10s);
  scene.emplace_back(at, [&d, &party] {
    d.cut_portal(party);
    d.world.network().disconnect(party.edge.host);
  });
  scene.emplace_back(arrives_at, [&d, &party, edge] {
    party.edge = move_to(d.world, edge, party.edge.host, {.latency = party.latency});
    reset(d, party, ResetKind::kUnlessFalseAlarm);
  });
  scene.emplace_back(returns_at, [&d, &party] { d.mend_portal(party); });
  return returns_at;
}

void tell_s47(Telling& t) {
  const Move& move = kMoves.at(t.variant());
  Deployment d(t, {.client = kPortRestricted, .gateway = kFullCone});
  d.connect();
  SeededRandom random = d.world.fork_random();
  const std::array keys = {d.client()->node().public_key(), d.gateway()->node().public_key()};
  const Timestamp since = d.world.now();
  Scene scene;
  const Timestamp client_back_at = plan_roaming(scene, d, d.client(), move.client, since, random);
  const Timestamp gateway_back_at =
      plan_roaming(scene, d, d.gateway(), move.gateway, since + between(random, 0s, 1s), random);
  play(d, std::move(scene));
  const Timestamp portal_at = std::max(client_back_at, gateway_back_at);
  expect_echo_within(t, d, portal_at, t.bound());
  for (const Party* party : {&d.client(), &d.gateway()}) {
    t.expect((*party)->history().count(Happening::kClosed, since) == 1,
             party->id() + " closes its half");
    t.expect((*party)->node().connection_count() == 1, party->id() + " has one connection");
  }
  t.expect(
      keys[0] != d.client()->node().public_key() && keys[1] != d.gateway()->node().public_key(),
      "both keys are new");
  expect_lasting(t, d);
  t.expect(d.path_kind() == expected_path(move.client, move.gateway), "on the best path there is");
}

// --- S48

constexpr Duration kSleep = 10min;

void fall_asleep(Deployment& d, const Party& party) {
  d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp now) {
    portal.drop_channel(now, party.id());  // It misses the heartbeats.
  });
  d.world.suspend(party.edge.host);
}

// What a shell does: time first, then the news about portal and network.
void wake_up(Telling& t, Deployment& d, Party& party) {
  const Timestamp since = d.world.now();
  const uint64_t initiations = d.invariants.initiations();
  d.world.resume(party.edge.host);
  t.expect(party->history().count(Happening::kFailed, since) == 1,
           party.id() + " knows at once that its connection is dead");
  t.expect(party->node().connection_count() == 0, party.id() + " has no connection");
  d.world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.handle_portal_lost(now); });
  reset(d, party, ResetKind::kUnlessFalseAlarm);
  d.world.run_for(3s);
  t.expect(d.invariants.initiations() == initiations, "no handshake is begun for what is dead");
  d.mend_portal(party);
}

bool has_heard_from_relay(const Party& party) {
  const auto relays = party->node().relays();
  return std::any_of(relays.begin(), relays.end(), [](const auto& relay) {
    return relay.allocation->round_trip_time().has_value();
  });
}

void tell_s48(Telling& t) {
  const bool client_sleeps = t.variant() != 2;
  const bool gateway_sleeps = t.variant() >= 2;
  const bool is_relayed = t.variant() == 1;
  Deployment d(t,
               {.client = is_relayed ? kSymmetric : kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  const PublicKey key = d.client()->node().public_key();
  if (client_sleeps) fall_asleep(d, d.client());
  if (gateway_sleeps) fall_asleep(d, d.gateway());
  d.world.run_for(kSleep);
  Timestamp since = d.world.now();
  if (gateway_sleeps) wake_up(t, d, d.gateway());
  if (client_sleeps) {
    wake_up(t, d, d.client());
    since = d.world.now() + d.weather.portal;  // Its channel is open: hello, and an answer.
    t.expect(key != d.client()->node().public_key(), "the client has another key");
  } else {
    // The client was awake, and asks every two seconds: the bound is for the first request that a
    // gateway can accept.
    t.require(d.world.run_until([&] { return has_heard_from_relay(d.gateway()); }, 2s),
              "the gateway hears from a relay");
    const Timestamp ready_at = d.world.now();
    const auto has_asked = [&] {
      return d.client()->history().count(Happening::kRequested, ready_at) > 0;
    };
    t.require(d.world.run_until(has_asked, kAskAgain), "the client asks again");
    since = d.world.now();
  }
  expect_echo_within(t, d, since, t.bound());
  t.expect(
      d.client()->node().connection_count() == 1 && d.gateway()->node().connection_count() == 1,
      "there is one connection");
  expect_lasting(t, d);
}

// --- S49

bool is_known(const Party& at, const Party& of, const SocketAddress& address) {
  const auto* agent = at->agent_to(of.id());
  if (agent == nullptr) return false;
  const auto known = agent->remote_candidates();
  return std::any_of(known.begin(), known.end(), [&](const auto& candidate) {
    return candidate.address == address && candidate.kind == CandidateKind::kServerReflexive;
  });
}

// The mapped addresses of `of` that `at` was not told of.
std::vector<SocketAddress> unknown_mapped(const Party& at, const Party& of) {
  std::vector<SocketAddress> unknown;
  for (const auto& each : of->agent_to(at.id())->local_candidates()) {
    if (each.kind != CandidateKind::kServerReflexive || is_known(at, of, each.address)) continue;
    unknown.push_back(each.address);
  }
  return unknown;
}

// One end's NAT shows a new mapped address to each relay, and a relay joins at the moment that the
// portal goes: so there is something to signal, and nobody to take it.
void tell_s49(Telling& t) {
  constexpr Duration kAway = 60s;
  const bool is_gateways = t.variant() == 1;
  const bool are_both_cut = t.variant() == 2;
  const Edge many = kManyPorts;
  Deployment d(t, {.client = is_gateways ? kPortRestricted : many,
                   .gateway = is_gateways ? many : kPortRestricted,
                   .relays = 1});
  d.connect(20s);
  Party& cut = is_gateways ? d.gateway() : d.client();
  Party& other = is_gateways ? d.client() : d.gateway();
  const auto path = d.path_kind();
  const Timestamp since = d.world.now();
  d.add_relay("relay 2", d.weather.relay(0));
  const auto was_told = [&] { return cut->node().relays().size() == 2; };
  t.require(d.world.run_until(was_told, 5s), "the relay is listed");
  d.cut_portal(cut);
  if (are_both_cut) d.cut_portal(other);
  d.world.run_for(kAway);
  const auto held = unknown_mapped(other, cut);
  t.require(!held.empty() && cut->portal().held() > 0, "a mapped address is held back");
  if (are_both_cut) {  // Whoever is back first is there for the other's messages.
    d.mend_portal(other);
    d.world.run_for(1s);
  }
  const Timestamp back_at = d.world.now();
  d.mend_portal(cut);
  const auto are_known = [&] { return unknown_mapped(other, cut).empty(); };
  (void)d.world.run_until(are_known, 5s);
  t.within("signalled", are_known() ? d.world.now() - back_at : Duration::max(),
           d.weather.portal + 1ms);
  t.expect(cut->portal().held() == 0, "nothing is held back any more");
  d.world.run_for(3s);
  expect_uninterrupted(t, d, since);
  t.expect(d.path_kind() == path, "the path is what it was");
  t.expect(d.client()->history().count(Happening::kRequested, since) == 0,
           "nobody needed the portal");
  expect_lasting(t, d);
}

}  // namespace

std::vector<Story> host_stories() {
  return {
      {.id = "S46",
       .title = "a network change that was none interrupts nobody",
       .expected = "connections survive; else connected anew 4 s after the portal knows",
       .bound = 2s,
       .tell = tell_s46,
       .variants = names_of(kFalseAlarms, {"without the rule"})},
      {.id = "S47",
       .title = "both ends roam within a second",
       .expected = "connected anew under new keys, once the portal is there for both",
       .bound = 6s,
       .tell = tell_s47,
       .variants = names_of(kMoves)},
      {.id = "S48",
       .title = "a host sleeps for ten minutes; what it had is dead, and it knows",
       .expected = "failed at once, no handshake for it; then a fresh connection",
       .bound = 4s,
       .tell = tell_s48,
       .variants = {"the client, direct", "the client, relayed", "the gateway", "both"}},
      {.id = "S49",
       .title = "the portal is away for a minute and nobody notices",
       .expected = "no loss; what was to be signalled is, when it is back",
       .bound = 0s,
       .tell = tell_s49,
       .variants = {"for the client", "for the gateway", "for both"}},
  };
}

}  // namespace connlib::scenarios
