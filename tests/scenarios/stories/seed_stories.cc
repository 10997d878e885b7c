// S30 to S34: what the design began with (snownet §5.4). While the client is cut off from the
// portal relay A reboots, relay B vanishes and relay C appears:
//
//   client ─ port-restricted NAT ─ … ─ relay B ─ NAT that lets it reach relays only ─ gateway
//   knows A (and, cut off, nothing of what follows)                              knows B
//
// The path was through B. Both ends must fail and be connected again, over A or C. The bad variant
// is that one end goes on probing an agent that the other has dropped.
#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::node::LateCandidates;

constexpr size_t kA = 0;
constexpr size_t kB = 1;

struct Plot {
  Edge gateway = kRelaysOnly;
  LateCandidates client_policy = LateCandidates::kFreezeRelays;
  LateCandidates gateway_policy = LateCandidates::kFreezeRelays;
  Duration quiet = 20s;  // Pairs that never worked have been given up by then.
  enum class Gateway : uint8_t {
    kMissesB,     // Its next list does not have B; it has to ask B. This is the plot.
    kIsToldOfB,   // It is told that B is gone.
    kWasToldOfB,  // Likewise, but before the client is back, which hears nothing of it.
    kHearsNothing,
  };
  Gateway gateway_hears = Gateway::kMissesB;
};

// The world of the plot.
class Seed {
 public:
  Seed(Telling& t, const Plot& plot)
      : t_(t),
        plot_(plot),
        d(t, {.client = kPortRestricted,
              .gateway = plot.gateway,
              .relays = 0,
              .policy = plot.client_policy,
              .gateway_policy = plot.gateway_policy}) {
    d.add_relay("A", d.weather.portal / 8);
    d.add_relay("B", d.weather.portal / 8);
    d.choose_relays(d.client(), {"A", "C"});
    d.choose_relays(d.gateway(), {"B", "C"});
  }

  // The two are connected through B.
  void begin() {
    d.connect(plot_.quiet);
    t_.require(
        d.path_kind() == PathKind::kRelayed && d.gateway()->sends_through_relay(d.client().id()),
        "the path is through the gateway's relay");
  }

  // Steps 1 to 4, and a while until the client is back.
  void while_client_is_cut_off() {
    if (plot_.gateway_hears != Plot::Gateway::kWasToldOfB) {
      d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp) {
        portal.mute_presence(d.gateway().id());
      });
    }
    d.cut_portal(d.client());
    d.kill_relay(kB);
    d.unlist_relay(kB);
    d.add_relay("C", d.weather.portal / 8);
    d.reboot_relay(kA);
    d.list_relay(kA);
    d.world.run_for(3s);
  }

  // Steps 5 to 7: the client is back, and the gateway's next update does not have B.
  void client_returns() {
    returned_at = d.world.now();
    d.mend_portal(d.client());
    d.world.act(d.portal, [&](ScriptedPortal& portal, Timestamp now) {
      if (plot_.gateway_hears == Plot::Gateway::kMissesB) portal.announce(now, d.gateway().id());
      if (plot_.gateway_hears == Plot::Gateway::kIsToldOfB) {
        portal.announce(now, d.gateway().id(), {"B"});
      }
    });
  }

  void run() {
    begin();
    while_client_is_cut_off();
    client_returns();
  }

  Timestamp failed_at(const Party& party) const {
    return party->history().first(Happening::kFailed, returned_at);
  }

  // How long the client's application heard nothing, from the return on.
  Duration black_hole(Duration limit) {
    d.run_until_echo(returned_at, limit);
    return d.client()->echo().first_answer(returned_at) - returned_at;
  }

  // From the moment the first of two ends drops its agent the other one probes nobody.
  Duration time_apart() const {
    const Timestamp a = failed_at(d.client());
    const Timestamp b = failed_at(d.gateway());
    if (a.is_never() || b.is_never()) return Duration::max();
    return std::max(a, b) - std::min(a, b);
  }

 private:
  Telling& t_;
  Plot plot_;

 public:
  Deployment d;
  Timestamp returned_at;
};

void expect_both_fail_and_return(Telling& t, const Plot& plot) {
  Seed seed(t, plot);
  seed.run();
  expect_echo_within(t, seed.d, seed.returned_at, t.bound());
  // The probe of B, the portal, and the grace if there is one.
  const Duration bound = 1s + seed.d.weather.portal + 2s;
  expect_failed_within(t, seed.d.client(), seed.returned_at, bound);
  expect_failed_within(t, seed.d.gateway(), seed.returned_at, bound);
  t.within("checks to nobody", seed.time_apart(), 3s);
  t.expect(seed.d.client()->history().count(Happening::kFailed) == 1, "the client fails once");
  t.expect(seed.d.gateway()->history().count(Happening::kFailed) == 1, "the gateway fails once");
  expect_lasting(t, seed.d);
}

// For comparison: what it costs when the rule is broken at one end, or at both.
void measure_without_rule(Telling& t) {
  {
    Seed seed(t, {.client_policy = LateCandidates::kAcceptAll});
    seed.run();
    t.measure("silence if the client alone accepts all", seed.black_hole(60s));
  }
  Seed seed(t, {.client_policy = LateCandidates::kAcceptAll,
                .gateway_policy = LateCandidates::kAcceptAll});
  seed.run();
  t.measure("silence if both accept all", seed.black_hole(60s));
}

void tell_s30(Telling& t) {
  expect_both_fail_and_return(
      t, {.gateway_hears = t.variant() == 1 ? Plot::Gateway::kIsToldOfB : Plot::Gateway::kMissesB});
  measure_without_rule(t);
}

void tell_s31(Telling& t) {
  expect_both_fail_and_return(
      t, {.client_policy = LateCandidates::kLiteral, .gateway_policy = LateCandidates::kLiteral});
}

void tell_s32(Telling& t) {
  Seed seed(t, {.client_policy = LateCandidates::kAcceptAll,
                .gateway_policy = LateCandidates::kAcceptAll});
  seed.run();
  expect_echo_within(t, seed.d, seed.returned_at, t.bound());
  t.expect(seed.failed_at(seed.d.client()).is_never(), "the client keeps its session");
  t.expect(seed.failed_at(seed.d.gateway()).is_never(), "the gateway keeps its session");
  expect_lasting(t, seed.d);
}

void tell_s33(Telling& t) {
  Seed seed(t, {.gateway_hears =
                    t.variant() == 1 ? Plot::Gateway::kWasToldOfB : Plot::Gateway::kHearsNothing});
  seed.begin();
  seed.while_client_is_cut_off();
  seed.client_returns();
  run_to_failure(seed.d, seed.d.client(), seed.returned_at, 60s);
  expect_failed_within(t, seed.d.client(), seed.returned_at, 20'500ms);
  expect_echo_within(t, seed.d, seed.returned_at, t.bound());
  expect_lasting(t, seed.d);
}

// Pairs that never worked are still being tried: they are worth a wait, until they are 15.25 s old.
// A peer behind a symmetric NAT makes new ones of the kind: every new relay sees it at another
// address, and mapped addresses are always signalled.
void tell_s34(Telling& t) {
  const bool is_symmetric = t.variant() == 1;
  Seed seed(t,
            {.gateway = is_symmetric ? kSymmetric : kRelaysOnly, .quiet = is_symmetric ? 20s : 1s});
  seed.run();
  const Timestamp tried_since =
      is_symmetric ? seed.returned_at + seed.d.weather.portal + 1s : seed.d.started_at();
  seed.d.run_until_echo(seed.returned_at, 60s);
  const Timestamp answered_at = seed.d.client()->echo().first_answer(seed.returned_at);
  t.within("echo, from the first pairs on", answered_at - tried_since,
           snownet::ice::kPossibleFor + t.bound());
  expect_lasting(t, seed.d);
}

}  // namespace

std::vector<Story> seed_stories() {
  return {
      {.id = "S30",
       .title = "relay A reboots, B vanishes and C appears while the client is cut off",
       .expected = "both ends fail and are connected again",
       .bound = 6s,
       .tell = tell_s30,
       .variants = {"the gateway has to find out about B", "the gateway is told about B"}},
      {.id = "S31",
       .title = "the same, and nothing that is signalled after a selection counts",
       .expected = "as S30",
       .bound = 6s,
       .tell = tell_s31},
      {.id = "S32",
       .title = "the same, and all that is signalled counts",
       .expected = "the session is kept on a new relay",
       .bound = 6s,
       .tell = tell_s32},
      {.id = "S33",
       .title = "the same, and one end never hears what the portal has to say",
       .expected = "the client fails within 20.5 s, the gateway follows",
       .bound = 24s,
       .tell = tell_s33,
       .variants = {"the gateway", "the client"}},
      {.id = "S34",
       .title = "the same, while pairs that never worked are still being tried",
       .expected = "recovers when these are 15.25 s old",
       .bound = 6s,
       .tell = tell_s34,
       .variants = {"from the beginning", "a symmetric peer's, by a new relay"}},
  };
}

}  // namespace connlib::scenarios
