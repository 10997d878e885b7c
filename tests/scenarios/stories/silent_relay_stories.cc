// S35 to S37: a relay falls silent or starts again, and nobody says so.
#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::LateCandidates;

// The client has one relay of two; the gateway has a third one.
void give_relays(Deployment& d) {
  d.choose_relays(d.client(), {"relay 1", "relay 2"});
  d.choose_relays(d.gateway(), {"relay 3"});
}

void expect_failures(Telling& t, const Deployment& d, Timestamp since, size_t count) {
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const size_t failures = (*party)->history().count(Happening::kFailed, since);
    t.expect(failures == count,
             fmt::format("{} fails {} times instead of {}", party->id(), failures, count));
  }
}

// --- S35

// The client gives the relay up; `i` is its number.
void expect_given_up(Telling& t, Deployment& d, size_t i) {
  const Timestamp silent_at = d.world.now();
  d.silence_relay(i);
  const auto is_given_up = [&] { return d.allocation_at(i, d.client()) == nullptr; };
  (void)d.world.run_until(is_given_up, 2 * t.bound());
  t.within("given up", is_given_up() ? d.world.now() - silent_at : Duration::max());
}

// A connection that does not need the relay keeps its path and moves to the other relay: at once
// where late candidates are accepted, else with the next upsert.
void tell_s35_direct(Telling& t, LateCandidates policy) {
  Deployment d(
      t, {.client = kPortRestricted, .gateway = kPortRestricted, .relays = 3, .policy = policy});
  give_relays(d);
  d.connect(20s);
  t.require(d.path_kind() == PathKind::kDirect, "the two meet directly");
  const size_t used = *d.relay_of(d.client(), d.gateway());
  const size_t other = 1 - used;
  const Timestamp since = d.world.now();
  expect_given_up(t, d, used);
  d.world.run_for(2s);
  expect_uninterrupted(t, d, since);
  t.expect(!d.gateway_knows_address_of(d.relay(used)), "the silent relay is not offered any more");
  const auto has_other = [&] { return d.gateway_knows_address_of(d.relay(other)); };
  const bool is_frozen = policy == LateCandidates::kFreezeRelays;
  t.expect(has_other() != is_frozen, "the other relay is offered exactly if the policy allows it");
  d.world.act(d.client().peer,
              [&](NodePeer& peer, Timestamp now) { peer.forget(now, d.gateway().id()); });
  const Timestamp forgotten_at = d.world.now();
  t.expect(d.world.run_until(has_other, 4s), "the next upsert offers the other relay");
  t.expect(d.run_until_echo(forgotten_at, 4s), "and connects");
  expect_lasting(t, d);
}

// One that does need it, and sleeps: both ends learn that it is gone, and the next packet connects
// them through the other relay.
void tell_s35_asleep(Telling& t) {
  Deployment d(t, {.client = kSymmetric, .gateway = kPortRestricted, .relays = 3});
  give_relays(d);
  d.connect(20s);
  const size_t used = *d.relay_of(d.client(), d.gateway());
  t.require(d.client()->sends_through_relay(d.gateway().id()), "the path is by the client's relay");
  set_echo(d, std::nullopt);
  d.world.run_for(60s);
  const Timestamp since = d.world.now();
  expect_given_up(t, d, used);
  d.world.run_for(1s);
  expect_failures(t, d, since, 1);
  const Timestamp awake_at = d.world.now();
  set_echo(d, 100ms);
  expect_echo_within(t, d, awake_at, 4s);
  t.expect(d.relay_of(d.client(), d.gateway()) == 1 - used, "the other relay is used");
  expect_lasting(t, d);
}

void tell_s35(Telling& t) {
  if (t.variant() == 2) return tell_s35_asleep(t);
  tell_s35_direct(t, t.variant() == 0 ? LateCandidates::kFreezeRelays : LateCandidates::kAcceptAll);
}

// --- S36

// Both ends' relays work; of the two the gateway's is better for ICE, for the client's end of such
// a path is a host. (The other way round nothing else could be alive: a connection has one relay.)
void tell_s36(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted, .relays = 2});
  d.choose_relays(d.client(), {"relay 1"});
  d.choose_relays(d.gateway(), {"relay 2"});
  d.world.network().cut(d.client().edge.host, d.gateway().edge.host);
  d.connect(20s);
  t.require(d.path_kind() == PathKind::kRelayed && d.gateway()->sends_through_relay("client"),
            "the path is by the gateway's relay");
  const Timestamp since = d.world.now();
  d.silence_relay(1);
  expect_echo_within(t, d, since, t.bound());
  const auto are_moved = [&] {
    return d.path_kind() == PathKind::kRelayed && d.client()->sends_through_relay("gateway");
  };
  (void)d.world.run_until(are_moved, since + 2 * t.bound() - d.world.now());
  t.within("both ends on the other relay", are_moved() ? d.world.now() - since : Duration::max());
  expect_failures(t, d, since, 0);
  expect_lasting(t, d);
  t.expect(d.gateway()->history().count(Happening::kNoRelays, since) > 0,
           "the gateway has given its only relay up, and says so");
  expect_failures(t, d, since, 0);
}

// --- S37

// Found out by asking the relay when answers are missing (D6), not by the next refresh.
void tell_s37(Telling& t) {
  const bool is_clients = t.variant() != 1;
  const bool is_accepting = t.variant() == 2;
  Deployment d(
      t, {.client = is_clients ? kSymmetric : kPortRestricted,
          .gateway = is_clients ? kPortRestricted : kSymmetric,
          .relays = 2,
          .policy = is_accepting ? LateCandidates::kAcceptAll : LateCandidates::kFreezeRelays});
  d.choose_relays(d.client(), {"relay 1"});
  d.choose_relays(d.gateway(), {"relay 2"});
  d.connect(20s);
  Party& owner = is_clients ? d.client() : d.gateway();
  const Party& other = is_clients ? d.gateway() : d.client();
  t.require(owner->sends_through_relay(other.id()), "the path is by the relay");
  const size_t relay = is_clients ? 0 : 1;
  const auto& server = [&]() -> const auto& { return d.relay(relay).machine->server(); };
  const Timestamp since = d.world.now();
  sim::reboot(d.world, d.relay(relay), d.relay(relay).secret);
  t.require(server().allocation_count() == 0, "the relay has forgotten everything");
  const auto is_reallocated = [&] { return server().allocation_count() == 1; };
  (void)d.world.run_until(is_reallocated, 1min);
  t.within("reallocated", is_reallocated() ? d.world.now() - since : Duration::max());
  expect_echo_within(t, d, d.world.now(), is_accepting ? 3s : 6s);
  expect_failures(t, d, since, is_accepting ? 0 : 1);
  expect_lasting(t, d);
  t.expect(server().allocation_count() == 1, "there is one allocation at the relay");
}

}  // namespace

std::vector<Story> silent_relay_stories() {
  return {
      {.id = "S35",
       .title = "a relay falls silent while its allocation is idle",
       .expected = "given up; the connection moves to another relay",
       .bound = 34s,
       .tell = tell_s35,
       .variants = {"direct, FreezeRelays", "direct, AcceptAll", "relayed, asleep"}},
      {.id = "S36",
       .title = "a relay falls silent that carries data, while another pair is alive",
       .expected = "both ends on the other relay, the session kept",
       .bound = 19'500ms,
       .tell = tell_s36},
      {.id = "S37",
       .title = "a relay that carries data starts again at once, as if nothing had been",
       .expected = "reallocated after an early Refresh, then as S26",
       .bound = 5s,
       .tell = tell_s37,
       .variants = {"the client's", "the gateway's", "the client's, AcceptAll"}},
  };
}

}  // namespace connlib::scenarios
