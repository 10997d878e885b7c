#include "tests/scenarios/random_world.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"

namespace connlib::scenarios {
namespace {

// A pair whose last path died may take 20 seconds to notice, and a relay that was lost 10 to be
// had back; then comes the portal.
constexpr Duration kRecovery = 45s;

// Chance is one random world from its beginning to its end.
class Chance {
 public:
  explicit Chance(Telling& t)
      : t_(t), random_(t.seed() ^ 0x9e3779b97f4a7c15U), d_(t, draw_options()) {
    roughen_cables();
  }

  void tell() {
    d_.warm_up();
    set_echo(d_, 500ms);
    d_.world.run_for(some(5s, 30s));
    const uint64_t harms = 3 + random_.below(6);
    for (uint64_t i = 0; i < harms; ++i) {
      do_harm();
      d_.world.run_for(some(0s, 25s));
    }
    heal();
    const Timestamp since = d_.world.now();
    expect_echo_within(t_, d_, since, kRecovery);
    // What is recovered first may have to be left again: a relay that is back brings other
    // credentials.
    d_.world.run_for(since + kRecovery - d_.world.now());
    expect_lasting(t_, d_);
  }

 private:
  Duration some(Duration least, Duration most) { return between(random_, least, most); }
  bool flip() { return random_.below(2) == 1; }

  Edge draw_edge() {
    constexpr std::array kEdges = {kOpen,           kOpenV4,    kFullCone,  kAddressRestricted,
                                   kPortRestricted, kSymmetric, kDoubleNat, kRelaysOnly,
                                   kStatefulV6};
    Edge edge = kEdges.at(random_.below(kEdges.size()));
    if (edge.nat) {
      constexpr std::array<Duration, 4> kExpiries = {30s, 60s, 120s, 300s};
      edge.nat->expiry = kExpiries.at(random_.below(kExpiries.size()));
      edge.nat->inbound_refreshes = flip();
    }
    return edge;
  }

  DeploymentOptions draw_options() {
    DeploymentOptions options{.client = draw_edge(), .gateway = draw_edge()};
    options.relays = 1 + random_.below(3);
    if (random_.below(4) == 0) options.policy = snownet::node::LateCandidates::kAcceptAll;
    return options;
  }

  // Jitter, duplicates and a little disorder, for good.
  void roughen_cables() {
    for (Party* party : {&d_.client(), &d_.gateway()}) {
      const Duration jitter = some(0ms, 20ms);
      d_.world.network()
          .cable(party->edge.host)
          .set({.latency = party->latency,
                .jitter = jitter,
                .duplicate_percent = flip() ? 1.0 : 0.0,
                .reorder_percent = flip() ? 1.0 : 0.0});
    }
  }

  Party& anybody() { return flip() ? d_.client() : d_.gateway(); }
  size_t any_relay() { return static_cast<size_t>(random_.below(d_.relays().size())); }

  // --- Faults

  void do_harm() {
    static const std::vector<std::pair<const char*, void (Chance::*)()>> faults = {
        {"relay leaves the list", &Chance::unlist_relay},
        {"relay reboots", &Chance::reboot_relay},
        {"relay is replaced", &Chance::replace_relay},
        {"relay falls silent", &Chance::silence_relay},
        {"portal is away", &Chance::cut_portal},
        {"host roams", &Chance::roam},
        {"path dies", &Chance::cut_path},
        {"cable loses", &Chance::lose_some},
        {"host sleeps", &Chance::sleep},
        {"NAT reboots", &Chance::reboot_nat},
        {"peer restarts", &Chance::restart},
        {"long silence", &Chance::stay_silent}};
    const auto& [what, fault] = faults.at(random_.below(faults.size()));
    d_.world.trace().record("chance", what);
    (this->*fault)();
  }

  void unlist_relay() { d_.unlist_relay(any_relay()); }

  void reboot_relay() {
    const size_t i = any_relay();
    if (is_dead(i)) return;
    d_.reboot_relay(i);
    if (flip()) d_.list_relay(i);
  }

  void replace_relay() {
    const size_t i = any_relay();
    if (!is_dead(i)) {
      d_.kill_relay(i);
      dead_.push_back(i);
    }
    d_.unlist_relay(i);
    d_.add_relay(fmt::format("relay {}", d_.relays().size() + 1), some(10ms, 50ms));
  }

  void silence_relay() { d_.silence_relay(any_relay()); }

  void cut_portal() {
    Party& party = anybody();
    if (party->portal().is_open()) d_.cut_portal(party);
    if (!flip()) return;
    d_.world.run_for(some(0s, 20s));
    d_.mend_portal(party);
  }

  void roam() {
    Party& party = anybody();
    d_.roam(party, draw_edge(), some(0s, 3s), some(100ms, 10s));
  }

  void cut_path() {
    const sim::HostId a = d_.client().edge.host;
    const sim::HostId b = d_.gateway().edge.host;
    cut_.push_back(flip() ? std::pair(a, b) : std::pair(b, a));
    d_.world.network().set_route(cut_.back().first, cut_.back().second, {.is_cut = true});
  }

  void lose_some() {
    Party& party = anybody();
    d_.world.network()
        .cable(party.edge.host)
        .set({.latency = party.latency, .loss_percent = static_cast<double>(random_.below(30))});
  }

  // Whoever wakes up is told by its system that the network may be another one.
  void sleep() {
    Party& party = anybody();
    d_.world.suspend(party.edge.host);
    d_.world.run_for(some(1s, flip() ? 30s : 600s));
    d_.world.resume(party.edge.host);
    d_.world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.reset_network(now); });
  }

  void reboot_nat() {
    const Party& party = anybody();
    if (party.edge.site && party.edge.has_nat) d_.world.network().nat(*party.edge.site).reboot();
  }

  void restart() {
    Party& party = anybody();
    if (flip()) {
      d_.world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.shut_down(now); });
    }
    d_.kill(party);
    d_.world.run_for(some(0s, 5s));
    d_.restart(party);
    if (&party == &d_.client()) set_echo(d_, 500ms);
  }

  void stay_silent() {
    set_echo(d_, std::nullopt);
    d_.world.run_for(some(20s, 300s));
    set_echo(d_, 500ms);
  }

  // --- The end of it

  bool is_dead(size_t relay) const {
    return std::find(dead_.begin(), dead_.end(), relay) != dead_.end();
  }

  void heal() {
    d_.world.trace().record("chance", "faults stop");
    for (const auto& [a, b] : cut_) d_.world.network().clear_route(a, b);
    for (Party* party : {&d_.client(), &d_.gateway()}) {
      d_.world.network().cable(party->edge.host).set({.latency = party->latency});
      if (!(*party)->portal().is_open()) d_.mend_portal(*party);
    }
    for (size_t i = 0; i < d_.relays().size(); ++i) {
      if (is_dead(i)) continue;
      d_.unsilence_relay(i);
      d_.list_relay(i);
    }
  }

  Telling& t_;
  SeededRandom random_;
  Deployment d_;
  std::vector<size_t> dead_;
  std::vector<std::pair<sim::HostId, sim::HostId>> cut_;
};

void tell_random(Telling& t) { Chance(t).tell(); }

}  // namespace

const Story& random_story() {
  static const Story story = {.id = "random",
                              .title = "whatever goes wrong, the echo recovers when it stops",
                              .expected = "recovers, and stays up for a minute",
                              .bound = kRecovery,
                              .tell = tell_random};
  return story;
}

}  // namespace connlib::scenarios
