// Node: connections come, go and start over; the node's own identity.
#include "snownet/node/node.h"

#include <algorithm>
#include <utility>

#include "snownet/node/goodbye.h"

namespace connlib::snownet::node {

Node::Node(NodeOptions options, absl::Time date, RandomSource& random, Tracer& tracer,
           Timestamp now)
    : options_(options),
      random_(random),
      tracer_(tracer),
      started_at_(now),
      date_(date),
      relays_(random, tracer),
      last_now_(now) {
  create_device();
}

Node::~Node() = default;

// A new key means a new everything of WireGuard's, handshake limits and cookie secret included.
// The pair of instant and date stays: stamps must increase whatever the wall clock does.
void Node::create_device() {
  wireguard::PrivateKey key;
  random_.fill(key.mutable_bytes());
  device_ = std::make_unique<wireguard::Device>(key, options_.device, started_at_, date_, random_,
                                                tracer_);
}

// --- Connections.

Upserted Node::upsert_connection(Timestamp now, PeerId peer, ConnectionOptions options) {
  observe(now, UpsertInput{peer, options});
  now = clamp(now);
  Connection* old = connections_.find(peer);
  if (old != nullptr && !old->is_lost() && old->is_same(options) &&
      device_->tunnel(old->tunnel()).remote().preshared_key == options.psk) {
    reuse(now, *old);
    finish(now);
    return Upserted::kReused;
  }
  const auto relay = relays_.sample();
  if (!relay) return Upserted::kNoRelays;
  if (options.key == device_->public_key()) return Upserted::kInvalidKey;
  if (old == nullptr && connections_.size() >= options_.max_connections) return Upserted::kTooMany;
  const auto tunnel_of_key = device_->find_peer(options.key);
  if (tunnel_of_key && connections_.find(*tunnel_of_key) != old) return Upserted::kConflict;
  const Connection* namesake = connections_.find_username(ConnectionTable::username_of(options));
  if (namesake != nullptr && namesake != old) return Upserted::kConflict;

  // A tunnel for the same key must make room first; it was possible before, so it is again. Any
  // other key may turn out to be none, and then nothing has changed.
  if (tunnel_of_key) forget(now, *std::exchange(old, nullptr));
  const bool replaces = tunnel_of_key.has_value() || old != nullptr;
  const auto tunnel =
      device_->add_peer(now, options.key, std::move(options.psk),
                        {.rekey_attempt_time = kHandshakePatience, .inner_mtu = kMaxPacketBytes});
  if (!tunnel.ok()) {
    return absl::IsResourceExhausted(tunnel.status()) ? Upserted::kTooMany : Upserted::kInvalidKey;
  }
  if (old != nullptr) forget(now, *old);
  create(now, peer, options, *tunnel, *relay);
  finish(now);
  return replaces ? Upserted::kReplaced : Upserted::kCreated;
}

// The peer may have lost its half, or only its memory of our candidates.
void Node::reuse(Timestamp now, Connection& connection) {
  connection.note_upsert(now);
  if (!connection.relay || relays_.find(*connection.relay) == nullptr) {
    connection.relay = relays_.sample();
  }
  if (Relay* relay = connection.relay ? relays_.find(*connection.relay) : nullptr) {
    relay->allocation->doubt(now);
  }
  resignal(connection);
  seed(now, connection);
  bind_channels(now, connection);
  // One that still connects begins its handshake when a path is selected.
  if (connection.socket() && connection.take_handshake(now)) {
    device_->start_handshake(now, connection.tunnel());
  }
  settle(now, connection);
}

void Node::create(Timestamp now, PeerId peer, const ConnectionOptions& options,
                  wireguard::PeerId tunnel, RelaySerial relay) {
  const Connection::Identity identity{peer, connections_.next_ref(), options.key, tunnel};
  Connection& connection = connections_.add(std::make_unique<Connection>(
      identity, options, options_.late_candidates, random_, tracer_, now));
  connection.relay = relay;
  tracer_.trace(TraceLevel::kDebug, "node", "connection created", {{"peer", peer.value()}});
  seed(now, connection);
  for (const std::string& line : parking_.take(now, peer)) take_remote_line(now, connection, line);
  settle(now, connection);
}

// Forgets a connection under all its names, silently.
void Node::forget(Timestamp now, Connection& connection) {
  recent_.add(now, {connection.peer(), ConnectionTable::username_of(connection),
                    device_->tunnel(connection.tunnel()).session_indices()});
  if (connection.socket()) --by_path_[index(connection.socket()->kind)];
  device_->remove_peer(connection.tunnel());
  connections_.remove(connection);
}

void Node::close(Timestamp now, Connection& connection) {
  if (connection.is_connected()) {
    events_.push(Closed{connection.peer()});
    send_packet(now, connection, kGoodbyePacket);
  }
  forget(now, connection);
}

void Node::close_connection(Timestamp now, PeerId peer) {
  observe(now, EndInput{EndInput::How::kClose, peer});
  now = clamp(now);
  if (Connection* connection = connections_.find(peer)) close(now, *connection);
  finish(now);
}

void Node::close_all(Timestamp now) {
  observe(now, CloseAllInput{});
  now = clamp(now);
  for (const auto& slot : connections_.slots()) {
    if (slot) close(now, *slot);
  }
  finish(now);
}

void Node::remove_connection(Timestamp now, PeerId peer) {
  observe(now, EndInput{EndInput::How::kRemove, peer});
  now = clamp(now);
  if (Connection* connection = connections_.find(peer)) forget(now, *connection);
}

// --- Another network.

// A relay that confirms our allocation proves that it still sees us where it saw us before; a
// changed address or mapping makes it say 437, or nothing. So ask before anything is thrown away.
void Node::reset(Timestamp now, ResetKind kind) {
  observe(now, ResetInput{kind});
  now = clamp(now);
  if (kind == ResetKind::kAlways || connections_.size() == 0 || !relays_.has_allocated()) {
    reset_fully(now);
    return;
  }
  tracer_.trace(TraceLevel::kInfo, "node", "network may have changed");
  reset_at_ = now;
  for (const Relay& relay : relays_.all()) {
    if (relay.allocation->is_allocated()) {
      relay.allocation->probe(now);
    } else {
      relay.allocation->restart(now);
    }
  }
  finish(now);
}

void Node::reset_fully(Timestamp now) {
  tracer_.trace(TraceLevel::kInfo, "node", "network changed");
  reset_at_.reset();
  // Who failed or was closed before must still be told of; all else is about what is no more.
  events_.remove_if([](const NodeEvent& event) {
    return !std::holds_alternative<Failed>(event) && !std::holds_alternative<Closed>(event);
  });
  for (const auto& slot : connections_.slots()) {
    if (!slot) continue;
    events_.push(Closed{slot->peer()});
    forget(now, *slot);
  }
  homeless_.clear();
  failed_.clear();
  parking_.clear();
  checks_.clear();
  transmits_.clear();
  relay_transmits_.clear();
  create_device();
  events_.push(KeyChanged{device_->public_key()});
  for (Relay& relay : relays_.all()) {
    relay.found = {};
    relay.allocation->restart(now);
  }
  finish(now);
}

// --- Outputs and inspection.

std::optional<Transmit> Node::poll_transmit() {
  auto transmit = relay_transmits_.pop();
  if (!transmit) transmit = transmits_.pop();
  if (transmit && options_.observer != nullptr) options_.observer->observe_transmit(*transmit);
  return transmit;
}

std::optional<NodeEvent> Node::poll_event() {
  auto event = events_.pop();
  if (event && options_.observer != nullptr) options_.observer->observe_event(*event);
  return event;
}

bool Node::is_connected(PeerId peer) const {
  const Connection* connection = connections_.find(peer);
  return connection != nullptr && connection->is_connected();
}

std::optional<ConnectionState> Node::state(PeerId peer) const {
  const Connection* connection = connections_.find(peer);
  return connection == nullptr ? std::nullopt : std::optional(connection->state());
}

std::optional<PeerId> Node::peer_with(const PublicKey& key) const {
  const auto tunnel = device_->find_peer(key);
  const Connection* connection = tunnel ? connections_.find(*tunnel) : nullptr;
  return connection == nullptr ? std::nullopt : std::optional(connection->peer());
}

std::optional<PathKind> Node::path_kind(PeerId peer) const {
  const Connection* connection = connections_.find(peer);
  if (connection == nullptr || !connection->socket()) return std::nullopt;
  return connection->socket()->kind;
}

const ice::IceAgent* Node::agent(PeerId peer) const {
  const Connection* connection = connections_.find(peer);
  return connection == nullptr ? nullptr : &connection->agent();
}

const ConnectionStatistics* Node::statistics(PeerId peer) const {
  const Connection* connection = connections_.find(peer);
  return connection == nullptr ? nullptr : &connection->statistics;
}

}  // namespace connlib::snownet::node
