// Node: time, and what agents and tunnels have to say.
#include <algorithm>
#include <utility>
#include <variant>

#include "snownet/node/node.h"

namespace connlib::snownet::node {

// What one step does may make another due at this very instant: a connection that moves to another
// relay has checks to send, and a check through a relay its channel to refresh. The next wakeup
// must lie in the future, so steps are taken until it does. Each machine paces itself, which ends
// it; the bound is for what nobody has thought of.
void Node::handle_timeout(Timestamp now) {
  observe(now, TimeoutInput{});
  now = clamp(now);
  if (reset_at_ && *reset_at_ + kFalseAlarmWait <= now) reset_fully(now);
  for (size_t step = 0; step < kMaxStepsPerTimeout; ++step) {
    take_step(now);
    if (next_timer().at > now) break;
  }
  checks_.expire(now);
  finish(now);
}

// The order matters: what a relay has lost must not be checked any more, and connections move to
// another relay before it is decided which of them are lost (snownet §1.5).
void Node::take_step(Timestamp now) {
  for (const Relay& relay : relays_.all()) relay.allocation->handle_timeout(now);
  drain_relays(now);
  for (Connection* connection : connections_.take_due(now)) {
    connection->handle_timeout(now);
    if (connection->take_relay_check(now)) {
      if (Relay* relay = relays_.find(*connection->socket()->relay)) relay->allocation->check(now);
    }
    settle(now, *connection);
  }
  device_->handle_timeout(now);
  drain_device(now, nullptr);
  collect_relays(now);
  settle_homeless(now);
  remove_failed(now);
  drain_relays(now);
}

Wakeup Node::poll_timeout() {
  if (!relay_transmits_.empty() || !transmits_.empty() || !events_.empty()) {
    return {last_now_, "queued output"};
  }
  Wakeup next = next_timer();
  next.at = std::max(next.at, last_now_);
  return next;
}

// When time alone changes something.
Wakeup Node::next_timer() {
  if (!failed_.empty()) return {last_now_, "failed connection"};
  if (relays_.has_failed()) return {last_now_, "relay given up"};
  if (!homeless_.empty() && relays_.has_usable()) return {last_now_, "relay to move to"};
  Wakeup next = connections_.poll_timeout();
  for (const Relay& relay : relays_.all()) next = earliest(next, relay.allocation->poll_timeout());
  next = earliest(next, device_->poll_timeout());
  if (reset_at_) next = earliest(next, {*reset_at_ + kFalseAlarmWait, "false alarm of reset"});
  return next;
}

// Whatever an input has stirred up comes to rest here.
void Node::finish(Timestamp now) {
  drain_device(now, nullptr);
  drain_relays(now);
}

// --- Agents.

void Node::settle(Timestamp now, Connection& connection) {
  ice::IceAgent& agent = connection.agent();
  while (!connection.failure()) {
    if (const auto event = agent.poll_event()) {
      if (const auto* selected = std::get_if<ice::PathSelected>(&*event)) {
        select(now, connection, selected->path);
      } else {
        connection.handle_ice_state(now, std::get<ice::StateChanged>(*event).state);
      }
    } else if (const auto transmit = agent.poll_transmit()) {
      send_check(now, connection, *transmit);
    } else {
      break;
    }
  }
  if (connection.take_failure()) failed_.push_back(connection.ref());
  connections_.settle(connection);
}

void Node::select(Timestamp now, Connection& connection, const ice::Path& path) {
  const auto before = connection.socket();
  if (!connection.select(via(connection, path), now)) return;
  if (before) --by_path_[index(before->kind)];
  ++by_path_[index(connection.socket()->kind)];
  for (const auto& message : connection.messages.take()) send_message(now, connection, message);
  device_->set_first_rekey_timeout(connection.tunnel(), connection.handshake_repeat());
  // Forces both ends onto the new path without waiting for WireGuard's timers.
  if (connection.take_handshake(now)) device_->start_handshake(now, connection.tunnel());
  report_established(connection);
}

// via() is `path` in terms of what to send through.
PeerSocket Node::via(const Connection& connection, const ice::Path& path) {
  const ice::IceAgent& agent = connection.agent();
  const auto locals = agent.local_candidates();
  const auto remotes = agent.remote_candidates();
  const bool is_host = std::any_of(locals.begin(), locals.end(), [&](const auto& local) {
    return local.kind == ice::CandidateKind::kHost && local.address == path.local;
  });
  const bool is_remote_relayed =
      std::any_of(remotes.begin(), remotes.end(), [&](const auto& remote) {
        return remote.kind == ice::CandidateKind::kRelayed && remote.address == path.remote;
      });
  const Relay* relay = is_host ? nullptr : relays_.serving(path.local);
  return {path, relay == nullptr ? std::nullopt : std::optional(relay->serial),
          node::path_kind(!is_host, is_remote_relayed)};
}

// A peer-reflexive address may turn out to be a relay's when the peer signals it.
void Node::note_path_kind(Connection& connection) {
  if (!connection.socket()) return;
  const PathKind before = connection.socket()->kind;
  const PathKind after = via(connection, connection.socket()->path).kind;
  if (before == after) return;
  connection.set_path_kind(after);
  --by_path_[index(before)];
  ++by_path_[index(after)];
}

// --- Tunnels.

// `arrival` is where the datagram came from that the tunnels have just dealt with: its answer goes
// back there (D13), whatever path is selected. A cookie reply knows nothing but that path.
void Node::drain_device(Timestamp now, const Arrival* arrival) {
  while (const auto transmit = device_->poll_transmit()) {
    const auto bytes = transmit->datagram.bytes();
    const auto* tunnel = std::get_if<wireguard::PeerId>(&transmit->to);
    Connection* connection = tunnel == nullptr ? nullptr : connections_.find(*tunnel);
    const bool is_answer = tunnel == nullptr || bytes.size() == wireguard::kResponseBytes;
    if (is_answer && arrival != nullptr) {
      send(now, *arrival, bytes);
    } else if (connection != nullptr) {
      send_message(now, *connection, bytes);
    }
  }
  while (const auto event = device_->poll_event()) handle_tunnel_event(now, *event);
}

void Node::handle_tunnel_event(Timestamp now, const wireguard::DeviceEvent& event) {
  Connection* connection = connections_.find(event.peer);
  if (connection == nullptr) return;
  switch (event.what) {
    case wireguard::TunnelEvent::kReady:
      connection->note_session();
      report_established(*connection);
      for (const auto& packet : connection->packets.take()) send_packet(now, *connection, packet);
      return;
    case wireguard::TunnelEvent::kExpired:
      connection->fail(FailureReason::kNoHandshake);
      settle(now, *connection);
      return;
  }
}

void Node::report_established(Connection& connection) {
  const Timestamp now = last_now_;
  if (connection.take_established(now)) events_.push(Established{connection.peer()});
}

// --- Endings.

void Node::remove_failed(Timestamp now) {
  for (const ConnectionRef ref : std::exchange(failed_, {})) {
    Connection* connection = connections_.find(ref);
    if (connection == nullptr) continue;
    const FailureReason why = *connection->failure();
    tracer_.trace(TraceLevel::kInfo, "node", "connection failed",
                  {{"peer", connection->peer().value()}, {"why", name(why)}});
    events_.push(Failed{connection->peer(), why});
    forget(now, *connection);
  }
}

}  // namespace connlib::snownet::node
