#include "tests/scenarios/meeting.h"

#include <algorithm>

#include <fmt/format.h>

#include "snownet/stun/channel_data.h"

namespace connlib::scenarios {

namespace ice = snownet::ice;
namespace stun = snownet::stun;

namespace {

constexpr Duration kWarmUp = 2s;  // Peers know their relays before they know each other.

const ice::Credentials& credentials(bool of_client) {
  static const auto client = *ice::Credentials::of("clnt", "clientPasswordOf22Characters");
  static const auto gateway = *ice::Credentials::of("gtwy", "gatewayPasswordOf22Characters");
  return of_client ? client : gateway;
}

}  // namespace

Meeting::Meeting(uint64_t seed, const MeetingOptions& options)
    : world(seed), echo_interval_(options.echo_interval) {
  weather = options.weather ? *options.weather : draw_weather(world.fork_random(), options.relays);
  world.set_signalling({.latency = weather.portal});
  for (size_t i = 0; i < options.relays; ++i) {
    sim::RelayConfig config{.name = fmt::format("relay {}", i + 1)};
    config.interface.link.latency = weather.relays.at(i);
    relays.push_back(sim::add_relay(world, config));
  }
  const auto cable = [&](Duration latency) {
    return sim::LinkConditions{.latency = latency, .loss_percent = options.loss_percent};
  };
  client_edge = plug_in(world, options.client, "client", cable(weather.client));
  gateway_edge = plug_in(world, options.gateway, "gateway", cable(weather.gateway));
  world.on_transmit([this](sim::MachineId from, const sim::Datagram& d) { watch(from, d); });
  client = add_peer(client_edge, true);
  gateway = add_peer(gateway_edge, false);
}

sim::Handle<IcePeer> Meeting::add_peer(const PluggedIn& edge, bool is_client) {
  IcePeerOptions options{
      .role = is_client ? ice::Role::kControlling : ice::Role::kControlled,
      .local = credentials(is_client),
      .remote = credentials(!is_client),
      .timing = is_client ? ice::kClientDefaultTiming : ice::kServerDefaultTiming,
      .port = 52625,
      .relays = {}};
  const std::string name = is_client ? "client" : "gateway";
  for (const sim::VirtualRelay& relay : relays) {
    const auto account = relay.account_for(name);
    options.relays.push_back({relay.name,
                              {relay.sockets[0], relay.sockets[1]},
                              account.username,
                              account.realm,
                              account.password});
  }
  const std::vector<sim::PortRange> ports = {sim::port(options.port)};
  return world.emplace<IcePeer>(edge.host, name, ports, std::move(options), world.fork_random(),
                                world.tracer(name), world.now());
}

bool Meeting::introduce(const Delays& delays, Duration patience) {
  world.run_for(kWarmUp);
  const auto ready = [&] { return client->can_connect() && gateway->can_connect(); };
  if (!world.run_until(ready, patience - kWarmUp)) return false;
  return connect(delays);
}

// The gateway goes first, as the portal arranges it, unless it is told to wait.
bool Meeting::connect(const Delays& delays) {
  introduced_at = world.now();
  if (delays.gateway > delays.client) {
    const bool could = connect_client();
    world.run_for(delays.gateway - delays.client);
    return connect_gateway() && could;
  }
  const bool could = connect_gateway();
  world.run_for(delays.client - delays.gateway);
  return connect_client() && could;
}

bool Meeting::connect_gateway() {
  bool could = false;
  world.act(gateway, [&](IcePeer& peer, Timestamp now) { could = peer.connect(now, client.id); });
  return could;
}

bool Meeting::connect_client() {
  bool could = false;
  world.act(client, [&](IcePeer& peer, Timestamp now) {
    could = peer.connect(now, gateway.id);
    if (echo_interval_) peer.start_echo(now, *echo_interval_);
  });
  return could;
}

bool Meeting::settle(Duration limit, Duration quiet) {
  if (!world.run_until([&] { return client->echo().answered > 0; }, limit)) return false;
  world.run_for(quiet / 2);
  settled_at_ = world.now();
  data_went_to_.clear();
  world.run_for(quiet / 2);
  return true;
}

// What the wire shows, whatever the peers believe: application data, bare or in ChannelData.
void Meeting::watch(sim::MachineId from, const sim::Datagram& datagram) {
  std::span<const uint8_t> data = datagram.bytes;
  if (const auto framed = stun::parse_channel_data(data)) data = framed->payload;
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  if (text.substr(0, 5) != "ping " && text.substr(0, 5) != "pong ") return;
  data_went_to_[from.value()].insert(datagram.destination);
}

std::optional<PathKind> Meeting::path_kind() const {
  if (!client->selected() || !gateway->selected()) return std::nullopt;
  const int relayed = int{client->sends_through_relay()} + int{gateway->sends_through_relay()};
  return static_cast<PathKind>(relayed);
}

Duration Meeting::time_to_echo() const { return client->echo().first_at - introduced_at; }

Duration Meeting::time_to_path() const {
  return std::max(client->selected_since(), gateway->selected_since()) - introduced_at;
}

bool Meeting::ends_agree() const {
  const auto agrees = [&](const PeerEchoes& log) {
    return log.arrivals > 0 &&
           (log.last_off_path_at.is_never() || log.last_off_path_at < settled_at_);
  };
  return agrees(client->echo()) && agrees(gateway->echo()) && client->echo().last_at > settled_at_;
}

bool Meeting::sends_data_to_selected_only() const {
  return sent_to_selected_only(client) && sent_to_selected_only(gateway);
}

bool Meeting::sent_to_selected_only(const sim::Handle<IcePeer>& peer) const {
  const auto sockets = data_went_to_.find(peer.id.value());
  if (sockets == data_went_to_.end() || sockets->second.size() != 1 || !peer->selected()) {
    return false;
  }
  const SocketAddress& socket = *sockets->second.begin();
  if (!peer->sends_through_relay()) return socket == peer->selected()->remote;
  const auto family = peer->selected()->local.ip.family();
  for (size_t i = 0; i < peer->relay_count(); ++i) {
    const auto& allocation = peer->allocation(i);
    if (allocation.relayed_address(family) == peer->selected()->local) {
      return allocation.active_socket() == socket;
    }
  }
  return false;
}

bool Meeting::candidates_converged() const {
  const auto knows = [](const IcePeer& peer, const IcePeer& other) {
    if (peer.agent() == nullptr || other.agent() == nullptr) return false;
    const auto known = peer.agent()->remote_candidates();
    const auto theirs = other.agent()->local_candidates();
    return std::all_of(theirs.begin(), theirs.end(), [&](const ice::Candidate& each) {
      if (each.kind == ice::CandidateKind::kPeerReflexive) return true;  // Never signalled.
      return std::any_of(known.begin(), known.end(), [&](const ice::Candidate& k) {
        return k.kind == each.kind && k.address == each.address && k.priority == each.priority;
      });
    });
  };
  return knows(*client, *gateway) && knows(*gateway, *client);
}

std::string Meeting::describe() const {
  const auto path = [](const IcePeer& peer) {
    const auto& selected = peer.selected();
    return selected ? to_text(selected->local) + " > " + to_text(selected->remote) : "nothing";
  };
  const auto kind = path_kind();
  return fmt::format("{}: client {}, gateway {}; echo {}, path {}; latencies {} {} {}",
                     kind ? name(*kind) : "no path", path(*client), path(*gateway),
                     to_text(time_to_echo()), to_text(time_to_path()), to_text(weather.client),
                     to_text(weather.gateway), to_text(weather.portal));
}

std::optional<ice::CandidateKind> remote_kind(const IcePeer& peer) {
  if (peer.agent() == nullptr) return std::nullopt;
  for (const ice::CandidatePair& pair : peer.agent()->pairs()) {
    if (pair.path() == peer.selected()) return pair.remote().kind;
  }
  return std::nullopt;
}

}  // namespace connlib::scenarios
