// S25 to S29: relays leave, are replaced and come back, and the portal says so.
#include <algorithm>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::LateCandidates;

const std::vector<std::string> kPolicies = {"FreezeRelays", "AcceptAll"};

// A session that is kept pauses for three seconds at most. Where the latencies alone add up to
// more, it is to be no longer than these: three round trips to the new relay, which is behind
// `end`, the portal, the other end's check that opens its NAT and the one that is answered, and the
// echo.
Duration session_kept(const Deployment& d, Duration end) {
  constexpr Duration kSlack = 250ms;  // A ping every 100 ms; checks have their moments.
  const Duration relay = d.weather.relay(0);
  const Duration one_way = d.weather.client + d.weather.gateway + 2 * relay;
  const Duration latencies = 3 * 2 * (end + relay) + d.weather.portal + 5 * one_way;
  return std::max<Duration>(3s, latencies + kSlack);
}

LateCandidates policy_of(const Telling& t) {
  return t.variant() == 0 ? LateCandidates::kFreezeRelays : LateCandidates::kAcceptAll;
}

void tell_s25(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted, .relays = 1});
  d.connect();
  t.require(d.path_kind() == PathKind::kDirect, "the two meet directly");
  const Timestamp since = d.world.now();
  d.add_relay("relay 2", 20ms);
  d.unlist_relay(0);
  d.kill_relay(0);
  d.world.run_for(10s);
  expect_uninterrupted(t, d, since);
  const auto has_new_relay = [&] { return d.gateway_knows_address_of(d.relay(1)); };
  t.expect(!has_new_relay(), "the new relay is not offered to the connection that is there");
  d.world.act(d.client().peer,
              [&](NodePeer& peer, Timestamp now) { peer.forget(now, d.gateway().id()); });
  const Timestamp forgotten_at = d.world.now();
  t.expect(d.world.run_until(has_new_relay, 4s), "the next upsert offers the new relay");
  t.expect(d.run_until_echo(forgotten_at, 4s), "and connects");
  expect_lasting(t, d);
}

// What both policies promise when the last path was through a relay that is gone.
void expect_replaced(Telling& t, Deployment& d, Timestamp since, Duration end) {
  const bool keeps_session = policy_of(t) == LateCandidates::kAcceptAll;
  // The portal tells after a second of quiet.
  const Timestamp told_at = since + kPresenceDebounce + d.weather.portal / 2;
  expect_echo_within(t, d, told_at, keeps_session ? session_kept(d, end) : t.bound());
  for (const Party* party : {&d.client(), &d.gateway()}) {
    const size_t failures = (*party)->history().count(Happening::kFailed, since);
    t.expect(failures == (keeps_session ? 0U : 1U),
             party->id() + (keeps_session ? " keeps its session" : " fails once"));
  }
  expect_lasting(t, d);
}

void tell_s26(Telling& t) {
  Deployment d(
      t, {.client = kSymmetric, .gateway = kPortRestricted, .relays = 2, .policy = policy_of(t)});
  d.choose_relays(d.client(), {"relay 1", "relay 3"});
  d.choose_relays(d.gateway(), {"relay 2"});
  d.connect(20s);
  t.require(
      d.path_kind() == PathKind::kRelayed && d.client()->sends_through_relay(d.gateway().id()),
      "the two meet at the client's relay");
  const Timestamp since = d.world.now();
  d.add_relay("relay 3", d.weather.relay(0));
  d.unlist_relay(0);
  expect_replaced(t, d, since, d.weather.client);
}

void tell_s27(Telling& t) {
  Deployment d(
      t, {.client = kPortRestricted, .gateway = kSymmetric, .relays = 2, .policy = policy_of(t)});
  d.choose_relays(d.client(), {"relay 1", "relay 3"});
  d.choose_relays(d.gateway(), {"relay 2", "relay 3"});
  d.connect(20s);
  t.require(
      d.path_kind() == PathKind::kRelayed && d.gateway()->sends_through_relay(d.client().id()),
      "the two meet at the gateway's relay");
  const Timestamp since = d.world.now();
  d.add_relay("relay 3", d.weather.relay(0));
  d.unlist_relay(1);
  expect_replaced(t, d, since, d.weather.gateway);
}

Edge edge_of(const Telling& t) { return t.variant() == 1 ? kPortRestricted : kSymmetric; }

void expect_recovered(Telling& t, Deployment& d, Timestamp gone, Timestamp back) {
  const bool is_direct = t.variant() == 1;
  if (is_direct) {
    d.world.run_for(10s);
    expect_uninterrupted(t, d, gone);
  } else {
    expect_echo_within(t, d, back, t.bound());
  }
  expect_lasting(t, d);
}

void tell_s28(Telling& t) {
  Deployment d(t, {.client = edge_of(t), .gateway = kPortRestricted});
  d.connect(20s);
  const Timestamp gone = d.world.now();
  for (size_t i = 0; i < 2; ++i) d.unlist_relay(i);
  d.world.run_for(3s);
  const Timestamp back = d.world.now();
  for (size_t i = 0; i < 2; ++i) d.list_relay(i);
  expect_recovered(t, d, gone, back);
}

void tell_s29(Telling& t) {
  Deployment d(t, {.client = edge_of(t), .gateway = kPortRestricted});
  d.connect(20s);
  const Timestamp gone = d.world.now();
  const bool are_peers_cut = t.variant() == 2;
  for (Party* party : {&d.client(), &d.gateway()}) {
    if (are_peers_cut) d.cut_portal(*party);
  }
  for (size_t i = 0; i < 2; ++i) {
    d.unlist_relay(i);
    d.reboot_relay(i);
  }
  d.world.run_for(3s);
  for (size_t i = 0; i < 2; ++i) d.list_relay(i);
  const Timestamp back = d.world.now();
  for (Party* party : {&d.client(), &d.gateway()}) {
    if (are_peers_cut) d.mend_portal(*party);
  }
  expect_recovered(t, d, gone, back);
}

}  // namespace

std::vector<Story> relay_stories() {
  return {
      {.id = "S25",
       .title = "the portal removes a relay that a direct connection does not need",
       .expected = "no effect on data; the next upsert offers the new relay",
       .bound = 0s,
       .tell = tell_s25},
      {.id = "S26",
       .title = "the portal replaces our relay, which is in use",
       .expected = "FreezeRelays: failed, connected anew; AcceptAll: session kept, 3 s",
       .bound = 6s,
       .tell = tell_s26,
       .variants = kPolicies},
      {.id = "S27",
       .title = "the portal replaces the peer's relay, which is in use, and tells both ends",
       .expected = "FreezeRelays: failed, connected anew; AcceptAll: session kept, 3 s",
       .bound = 6s,
       .tell = tell_s27,
       .variants = kPolicies},
      {.id = "S28",
       .title = "all relays lose the portal for three seconds",
       .expected = "relayed: recovers; direct: no loss",
       .bound = 6s,
       .tell = tell_s28,
       .variants = {"relayed", "direct"}},
      {.id = "S29",
       .title = "all relays start again under their old names with new secrets",
       .expected = "recovers",
       .bound = 6s,
       .tell = tell_s29,
       .variants = {"relayed", "direct", "peers are cut off, too"}},
  };
}

}  // namespace connlib::scenarios
