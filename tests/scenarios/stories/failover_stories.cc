// S22 to S24: a path dies, one way or both, or a better one appears.
#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

// What is left when the direct path is gone: the relay, for both ends.
void expect_on_relay(Telling& t, Deployment& d, Timestamp since) {
  expect_echo_within(t, d, since, t.bound());
  const auto are_relayed = [&] {
    const auto kind = d.path_kind();
    return kind == PathKind::kRelayed || kind == PathKind::kRelayToRelay;
  };
  t.expect(d.world.run_until(are_relayed, since + t.bound() - d.world.now()),
           "both ends are on a relay within the bound");
  expect_lasting(t, d);
}

Deployment& connect_directly(Telling& t, Deployment& d) {
  d.connect(20s);  // Beyond the time that pairs may take to show that they do not work.
  t.require(d.path_kind() == PathKind::kDirect, "the two meet directly");
  return d;
}

void tell_s22(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  connect_directly(t, d);
  const Timestamp since = d.world.now();
  d.world.network().cut(d.client().edge.host, d.gateway().edge.host);
  expect_on_relay(t, d, since);
}

void tell_s23(Telling& t) {
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  connect_directly(t, d);
  const Timestamp since = d.world.now();
  const sim::HostId client = d.client().edge.host;
  const sim::HostId gateway = d.gateway().edge.host;
  const bool is_outbound = t.variant() == 0;
  d.world.network().set_route(is_outbound ? client : gateway, is_outbound ? gateway : client,
                              {.is_cut = true});
  expect_on_relay(t, d, since);
}

void tell_s24(Telling& t) {
  Deployment d(t, {.client = kManyPorts, .gateway = kFullCone, .relays = 1});
  d.world.network().cut(d.client().edge.host, d.gateway().edge.host);
  d.connect(20s);
  t.require(d.path_kind() == PathKind::kRelayed, "the two meet at a relay");
  const uint64_t told = d.client()->candidates_signalled();
  const Timestamp since = d.world.now();
  d.world.network().mend(d.client().edge.host, d.gateway().edge.host);
  d.add_relay("relay 2", 20ms);  // It will see the client at an address that is new.
  const auto is_signalled = [&] { return d.client()->candidates_signalled() > told; };
  t.require(d.world.run_until(is_signalled, 10s), "the client signals its new mapped address");
  const Timestamp signalled_at = d.world.now();
  const auto is_direct = [&] { return d.path_kind() == PathKind::kDirect; };
  (void)d.world.run_until(is_direct, 30s);
  t.within("direct", d.world.now() - signalled_at, t.bound());
  d.world.run_for(3s);
  expect_uninterrupted(t, d, since);
  expect_lasting(t, d);
}

}  // namespace

std::vector<Story> failover_stories() {
  return {
      {.id = "S22",
       .title = "the direct path dies both ways, and a relay is there",
       .expected = "both ends on the relay",
       .bound = 19'500ms,
       .tell = tell_s22},
      {.id = "S23",
       .title = "the direct path dies one way only",
       .expected = "both ends on the relay",
       .bound = 19'500ms,
       .tell = tell_s23,
       .variants = {"client to gateway", "gateway to client"}},
      {.id = "S24",
       .title = "a direct path becomes possible after a relayed one was selected",
       .expected = "direct, without loss",
       .bound = 3s,
       .tell = tell_s24},
  };
}

}  // namespace connlib::scenarios
