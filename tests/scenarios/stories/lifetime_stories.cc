// S15 to S21: what a connection lives through when nothing happens for a long time, or when one of
// its ends is gone from one moment to the next.
#include <algorithm>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

// A NAT that forgets after 30 seconds, as many do.
Edge impatient(Edge edge) {
  edge.nat->expiry = 30s;
  return edge;
}

void sleep_for(Deployment& d, Duration span) {
  set_echo(d, std::nullopt);
  d.world.run_for(span);
}

void tell_s15(Telling& t) {
  Deployment d(t, {.client = impatient(kPortRestricted), .gateway = impatient(kPortRestricted)});
  d.connect();
  t.require(d.path_kind() == PathKind::kDirect, "the two meet directly");
  // Sessions are replaced every 180 seconds even if idle; the second variant asks while that is
  // about to happen, and its packet has to wait for a handshake.
  const bool is_rekeying = t.variant() == 1;
  sleep_for(d, is_rekeying ? 171s : 7min);
  const Timestamp since = d.world.now();
  set_echo(d, 100ms);
  expect_echo_within(t, d, since, is_rekeying ? 2 * t.bound() : t.bound());
  d.world.run_for(3s);
  expect_uninterrupted(t, d, since);
  expect_lasting(t, d);
}

void tell_s16(Telling& t) {
  Deployment d(t, {.client = impatient(kSymmetric), .gateway = impatient(kPortRestricted)});
  d.connect();
  t.require(d.path_kind() == PathKind::kRelayed, "the two meet at a relay");
  for (int i = 0; i < 2; ++i) {  // Long enough for channels to lapse, and to be bound again.
    sleep_for(d, 12min);
    const Timestamp since = d.world.now();
    set_echo(d, 100ms);
    expect_echo_within(t, d, since, t.bound());
    d.world.run_for(2s);
  }
  expect_lasting(t, d);
}

void tell_s17(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  Party& other = d.add_party(Side::kGateway, "gateway 2", kPortRestricted, d.weather.gateway);
  d.connect();
  sleep_for(d, 60s);
  d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp now) {
    portal.drop_channel(now, d.gateway().id());
  });
  d.kill(d.gateway());
  d.world.run_for(1s);
  const Timestamp since = d.world.now();
  if (t.variant() == 0) {
    set_echo(d, 1s);
  } else {  // One packet alone has to be enough to find out.
    d.world.act(d.client().peer, [](NodePeer& peer, Timestamp now) { peer.send(now, "hello?"); });
  }
  run_to_failure(d, d.client(), since, 60s);
  expect_failed_within(t, d.client(), since, t.bound());
  const Timestamp failed_at = d.world.now();
  set_echo(d, 100ms);
  expect_echo_within(t, d, failed_at, 4s);
  t.expect(d.client()->is_connected_to(other.id()), "it talks to the other gateway");
}

void tell_s18(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  d.kill(d.gateway());
  const Timestamp since = d.world.now();
  run_to_failure(d, d.client(), since, 60s);
  expect_failed_within(t, d.client(), since, t.bound());
}

bool can_connect(const snownet::node::Node& node) {
  return std::any_of(node.relays().begin(), node.relays().end(), [](const auto& relay) {
    return relay.allocation->round_trip_time().has_value();
  });
}

void tell_s19(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  const Timestamp since = d.world.now();
  d.world.act(d.gateway().peer, [](NodePeer& peer, Timestamp now) { peer.shut_down(now); });
  d.kill(d.gateway());
  d.restart(d.gateway());
  const auto has_heard = [&] { return d.client()->history().count(Happening::kForgotten) > 0; };
  t.require(d.world.run_until(has_heard, 1s), "the client hears the goodbye");
  t.within("client knows", d.world.now() - since, d.weather.client + d.weather.gateway + 10ms);
  // A gateway that has just started refuses until a relay has answered it; that is its start, and
  // the bound is for what follows.
  t.require(d.world.run_until([&] { return can_connect(d.gateway()->node()); }, 2s),
            "the gateway hears from a relay");
  expect_echo_within(t, d, d.world.now(), t.bound());
  t.expect(d.client()->history().count(Happening::kFailed) == 0, "nothing fails");
  expect_lasting(t, d);
}

void tell_s20(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  d.kill(d.client());
  d.restart(d.client());
  d.warm_up();
  const Timestamp since = d.world.now();
  set_echo(d, 100ms);
  expect_echo_within(t, d, since, t.bound());
  t.expect(d.gateway()->history().count(Happening::kCreated) == 2, "the gateway replaces its half");
  t.expect(d.gateway()->node().connection_count() == 1, "the gateway has one connection");
  expect_lasting(t, d);
}

void tell_s21(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.connect();
  const Timestamp since = d.world.now();
  d.world.act(d.client().peer,
              [&](NodePeer& peer, Timestamp now) { peer.forget(now, d.gateway().id()); });
  expect_echo_within(t, d, since, t.bound());
  t.expect(d.gateway()->history().count(Happening::kReused) == 1, "the gateway keeps its half");
  t.expect(d.gateway()->history().count(Happening::kCreated) == 1, "and makes no other");
  expect_lasting(t, d);
}

}  // namespace

std::vector<Story> lifetime_stories() {
  return {
      {.id = "S15",
       .title = "after minutes of silence behind NATs that forget, the first packet is answered",
       .expected = "no loss, one round trip; two where keys are being replaced",
       .bound = 1s,
       .tell = tell_s15,
       .variants = {"seven minutes", "in the rekey window"}},
      {.id = "S16",
       .title = "a relayed connection sleeps for twelve minutes, twice, while its channels lapse",
       .expected = "echo works",
       .bound = 2s,
       .tell = tell_s16},
      {.id = "S17",
       .title = "a gateway dies while all is idle; the next packet finds out, and another gateway",
       .expected = "failed, authorized elsewhere",
       .bound = 19s,
       .tell = tell_s17,
       .variants = {"packets", "one packet"}},
      {.id = "S18",
       .title = "a gateway dies while packets flow",
       .expected = "failed",
       .bound = 20'500ms,
       .tell = tell_s18},
      {.id = "S19",
       .title = "a gateway says goodbye and starts again",
       .expected = "the client knows at once and is connected anew",
       .bound = 3s,
       .tell = tell_s19},
      {.id = "S20",
       .title = "a client starts again, with a new key, and its gateway does not know",
       .expected = "the upsert replaces the connection",
       .bound = 3s,
       .tell = tell_s20},
      {.id = "S21",
       .title = "a client loses its half of a connection and keeps its key",
       .expected = "the gateway reuses its half; new session",
       .bound = 3s,
       .tell = tell_s21},
  };
}

}  // namespace connlib::scenarios
