#include "tests/scenarios/deployment.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace connlib::scenarios {

namespace node = snownet::node;

namespace {

// Retransmissions of systems, and when they give up a connection that nobody answers (snownet
// §9.2, S50).
constexpr std::array kTcpOfSystems = {TransferOptions{.system = "Windows",
                                                      .least_timeout = 300ms,
                                                      .most_timeout = 60s,
                                                      .gives_up_after = 90s,
                                                      .interval = 100ms},
                                      TransferOptions{.system = "Apple",
                                                      .least_timeout = 1s,
                                                      .most_timeout = 64s,
                                                      .gives_up_after = 450s,
                                                      .interval = 100ms},
                                      TransferOptions{.system = "Linux",
                                                      .least_timeout = 200ms,
                                                      .most_timeout = 120s,
                                                      .gives_up_after = 924s,
                                                      .interval = 100ms}};

}  // namespace

Deployment::Deployment(Telling& telling, const DeploymentOptions& options)
    : telling_(telling), world(telling.seed()), options_(options), invariants(telling, *this) {
  telling_.begin(world);
  invariants.watch();
  weather = options.weather ? *options.weather : draw_weather(world.fork_random(), options.relays);
  world.set_signalling({.latency = weather.portal / 2});  // There and on again.
  const sim::HostId portal_host = world.add_host("portal");
  portal =
      world.emplace<ScriptedPortal>(portal_host, "portal", {}, world.tracer("portal"), world.now());
  for (size_t i = 0; i < options.relays; ++i) {
    add_relay(fmt::format("relay {}", i + 1), weather.relay(i));
  }
  add_party(Side::kClient, "client", options.client, weather.client, options.client_port);
  add_party(Side::kGateway, "gateway", options.gateway, weather.gateway, options.gateway_port);
}

Deployment::~Deployment() { telling_.end(world); }

Party& Deployment::add_party(Side side, const std::string& id, const Edge& edge, Duration latency,
                             uint16_t port) {
  const sim::LinkConditions cable{.latency = latency, .loss_percent = options_.loss_percent};
  Party party;
  party.options.id = id;
  party.options.side = side;
  party.options.portal = portal.id;
  party.options.port = port;
  party.options.tap = telling_.tap(id);
  party.edge = plug_in(world, edge, id, cable);
  party.latency = latency;
  party.options.node.late_candidates =
      side == Side::kClient ? options_.policy : options_.gateway_policy.value_or(options_.policy);
  auto machine = make_peer(party);
  NodePeer* raw = machine.get();
  party.peer = {world.attach(party.edge.host, id, {sim::port(port)}, std::move(machine)), raw};
  if (side == Side::kGateway) portal->add_gateway(id);
  parties_.push_back(std::move(party));
  mend_portal(parties_.back());
  return parties_.back();
}

std::unique_ptr<NodePeer> Deployment::make_peer(const Party& party) {
  return std::make_unique<NodePeer>(party.options, world.fork_random(), world.tracer(party.id()),
                                    world.now());
}

// --- Relays

size_t Deployment::add_relay(const std::string& name, Duration latency, bool is_listed) {
  sim::RelayConfig config{
      .name = name, .limits = options_.relay_limits, .listen_port = options_.relay_port};
  config.interface.link.latency = latency;
  relays_.push_back(sim::add_relay(world, config));
  if (is_listed) list_relay(relays_.size() - 1);
  return relays_.size() - 1;
}

void Deployment::list_relay(size_t i) {
  world.act(portal,
            [&](ScriptedPortal& p, Timestamp now) { p.list_relay(now, relay(i).name, relay(i)); });
}

void Deployment::unlist_relay(size_t i) {
  world.act(portal, [&](ScriptedPortal& p, Timestamp now) { p.unlist_relay(now, relay(i).name); });
}

void Deployment::reboot_relay(size_t i) {
  sim::reboot(world, relay(i), fmt::format("secret after reboot {}", ++reboots_));
}

void Deployment::choose_relays(const Party& party, std::vector<std::string> names) {
  world.act(portal,
            [&](ScriptedPortal& p, Timestamp) { p.set_choice(party.id(), std::move(names)); });
}

void Deployment::renew_account(size_t i, const Party& party) {
  relay(i).account_seconds += 3600;
  list_relay(i);
  world.act(portal, [&](ScriptedPortal& p, Timestamp now) { p.announce(now, party.id()); });
}

void Deployment::kill_relay(size_t i) { world.kill(relay(i).machine.id); }

// --- Peers

void Deployment::cut_portal(Party& party) {
  world.act(portal, [&](ScriptedPortal& p, Timestamp now) { p.drop_channel(now, party.id()); });
  world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.handle_portal_lost(now); });
}

void Deployment::mend_portal(Party& party) {
  world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.connect_to_portal(now); });
}

void Deployment::kill(Party& party) {
  world.kill(party.peer.id);
  party.peer.machine = nullptr;
}

void Deployment::restart(Party& party) {
  invariants.forget(party);
  auto machine = make_peer(party);
  party.peer.machine = machine.get();
  world.restart(party.peer.id, std::move(machine));
  mend_portal(party);
}

void Deployment::roam(Party& party, const Edge& edge, Duration dead, Duration portal_window) {
  cut_portal(party);
  world.network().disconnect(party.edge.host);
  world.run_for(dead);
  const sim::LinkConditions cable{.latency = party.latency, .loss_percent = options_.loss_percent};
  party.edge = move_to(world, edge, party.edge.host, cable);
  world.act(party.peer, [](NodePeer& peer, Timestamp now) { peer.reset_network(now); });
  world.run_for(portal_window);
  mend_portal(party);
}

// --- Time

void Deployment::start(Duration echo_interval) {
  warm_up();
  started_at_ = world.now();
  world.act(client().peer,
            [&](NodePeer& peer, Timestamp now) { peer.start_echo(now, echo_interval); });
  if (telling_.carries_streams()) start_streams();
}

// Of each system a connection to the gateway that writes ten segments a second, for ever.
void Deployment::start_streams() {
  for (const TransferOptions& options : kTcpOfSystems) {
    world.act(client().peer,
              [&](NodePeer& peer, Timestamp now) { peer.start_transfer(now, options); });
  }
}

bool Deployment::run_until_echo(Timestamp since, Duration limit) {
  const auto is_answered = [&] { return !client()->echo().first_answer(since).is_never(); };
  return world.run_until(is_answered, limit);
}

void Deployment::connect(Duration quiet) {
  start();
  telling_.require(run_until_echo(started_at_, 10s), "the two are connected within ten seconds");
  world.run_for(quiet);
}

// --- What came of it

bool Deployment::is_connected() const {
  return client()->is_connected_to(gateway().id()) && gateway()->is_connected_to(client().id());
}

std::optional<PathKind> Deployment::path_kind() const {
  const auto ours = client()->path_to(gateway().id());
  const auto theirs = gateway()->path_to(client().id());
  if (!ours || !theirs) return std::nullopt;
  return static_cast<PathKind>(int{client()->sends_through_relay(gateway().id())} +
                               int{gateway()->sends_through_relay(client().id())});
}

namespace {

bool is_at(const sim::VirtualRelay& relay, const IpAddress& address) {
  return std::any_of(relay.sockets.begin(), relay.sockets.end(),
                     [&](const auto& socket) { return socket && socket->ip == address; });
}

}  // namespace

std::optional<size_t> Deployment::relay_of(const Party& from, const Party& to) const {
  const auto* agent = from->agent_to(to.id());
  if (agent == nullptr) return std::nullopt;
  for (const auto& candidate : agent->local_candidates()) {
    if (candidate.kind != snownet::ice::CandidateKind::kRelayed) continue;
    for (size_t i = 0; i < relays_.size(); ++i) {
      if (is_at(relays_[i], candidate.address.ip)) return i;
    }
  }
  return std::nullopt;
}

const snownet::turn::Allocation* Deployment::allocation_at(size_t i, const Party& party) const {
  for (const node::Relay& each : party->node().relays()) {
    if (each.id == RelayId(relays_.at(i).name)) return each.allocation.get();
  }
  return nullptr;
}

bool Deployment::gateway_knows_address_of(const sim::VirtualRelay& relay) const {
  const auto* agent = gateway()->agent_to(client().id());
  if (agent == nullptr) return false;
  const auto known = agent->remote_candidates();
  return std::any_of(known.begin(), known.end(),
                     [&](const auto& candidate) { return is_at(relay, candidate.address.ip); });
}

std::string Deployment::describe() const {
  const auto kind = path_kind();
  return fmt::format("{}; latencies {} {} {}", kind ? name(*kind) : "no path",
                     to_text(weather.client), to_text(weather.gateway), to_text(weather.portal));
}

}  // namespace connlib::scenarios
