#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/edge.h"
#include "tests/scenarios/invariants.h"
#include "tests/scenarios/peer/node_peer.h"
#include "tests/scenarios/portal/scripted_portal.h"
#include "tests/scenarios/telling.h"
#include "tests/scenarios/weather.h"
#include "tests/sim/relay_machine.h"

namespace connlib::scenarios {

struct DeploymentOptions {
  Edge client = kOpen;
  Edge gateway = kOpen;
  size_t relays = 2;
  std::optional<Weather> weather = {};  // Drawn when absent.
  double loss_percent = 0;              // On each end's cable, both directions.
  uint16_t client_port = 52625;
  uint16_t gateway_port = 52625;
  uint16_t relay_port = 3478;
  snownet::node::LateCandidates policy = snownet::node::LateCandidates::kFreezeRelays;
  std::optional<snownet::node::LateCandidates> gateway_policy = {};  // As above when absent.
  snownet::relay::Limits relay_limits = {};
};

// Party is one client or gateway: a machine on a host, and what it takes to start it again.
struct Party {
  NodePeerOptions options;
  PluggedIn edge;
  Duration latency{};
  sim::Handle<NodePeer> peer;

  const std::string& id() const { return options.id; }
  NodePeer* operator->() const { return peer.machine; }
};

// Deployment is what an operator runs: relays, a portal, gateways and clients; the first of each is
// there from the start, and all are connected to the portal. It is a world of its own, and its
// invariants hold in every story.
class Deployment {
 public:
  Deployment(Telling& telling, const DeploymentOptions& options);
  ~Deployment();

  Party& client() { return parties_.at(0); }
  Party& gateway() { return parties_.at(1); }
  const Party& client() const { return parties_.at(0); }
  const Party& gateway() const { return parties_.at(1); }
  const std::deque<Party>& parties() const { return parties_; }
  Party& add_party(Side side, const std::string& id, const Edge& edge, Duration latency,
                   uint16_t port = 52625);

  // --- Relays, by their number. A name is their id at the portal.
  sim::VirtualRelay& relay(size_t i) { return relays_.at(i); }
  const std::vector<sim::VirtualRelay>& relays() const { return relays_; }
  size_t add_relay(const std::string& name, Duration latency, bool is_listed = true);
  // The portal's view of it, and no more.
  void list_relay(size_t i);
  void unlist_relay(size_t i);
  // Its process restarts; with a new secret, of which the portal learns when it is listed again.
  void reboot_relay(size_t i);
  void kill_relay(size_t i);  // For good; the portal does not notice.
  // Which relays the portal may list to a party, nearest first, by their names.
  void choose_relays(const Party& party, std::vector<std::string> names);
  // A party gets a new account at a relay that it has one at: another user name.
  void renew_account(size_t i, const Party& party);
  // Nothing that it sends or is sent arrives, until it is heard again.
  void silence_relay(size_t i) { world.network().cable(relay(i).host).cut(); }
  void unsilence_relay(size_t i) { world.network().cable(relay(i).host).mend(); }

  // --- Peers.
  void cut_portal(Party& party);   // It is told at once.
  void mend_portal(Party& party);  // It says hello.
  void kill(Party& party);
  void restart(Party& party);  // With a new key, as all processes do.
  // The host vanishes, is somewhere else after `dead`, and has its portal back after `portal` more.
  void roam(Party& party, const Edge& edge, Duration dead, Duration portal);

  // --- Time.

  // warm_up() is enough for everybody to know the portal and the relays.
  void warm_up() { world.run_for(kWarmUp); }
  // start() warms up and lets the client's application send. The first request is the trigger of
  // all stories about setting up.
  void start(Duration echo_interval = 100ms);  // And streams, if the telling carries them.
  // run_until_echo() is true when a ping that was sent after `since` is answered within `limit`.
  bool run_until_echo(Timestamp since, Duration limit);
  // connect() is start() and a first answer, then `quiet` more.
  void connect(Duration quiet = 4s);

  // --- What came of it.
  std::optional<PathKind> path_kind() const;  // nullopt unless both have selected.
  bool is_connected() const;                  // Both ends say so.
  // The relay that one end's relayed candidate for the other is on.
  std::optional<size_t> relay_of(const Party& from, const Party& to) const;
  // What a party has at a relay; nullptr when it does not know the relay, or gave it up.
  const snownet::turn::Allocation* allocation_at(size_t i, const Party& party) const;
  bool gateway_knows_address_of(const sim::VirtualRelay& relay) const;
  std::string describe() const;
  Timestamp started_at() const { return started_at_; }

  static constexpr Duration kWarmUp = 2s;

 private:
  Telling& telling_;

 public:
  sim::World world;
  Weather weather;
  sim::Handle<ScriptedPortal> portal;

 private:
  void start_streams();
  std::unique_ptr<NodePeer> make_peer(const Party& party);

  DeploymentOptions options_;
  std::vector<sim::VirtualRelay> relays_;
  std::deque<Party> parties_;
  Timestamp started_at_ = Timestamp::never();
  uint64_t reboots_ = 0;

 public:
  Invariants invariants;
};

}  // namespace connlib::scenarios
