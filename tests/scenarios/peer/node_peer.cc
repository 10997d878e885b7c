// NodePeer: datagrams, time and the application. The portal is in node_peer_portal.cc.
#include "tests/scenarios/peer/node_peer.h"

#include <algorithm>
#include <array>
#include <variant>

#include <fmt/format.h>

#include "connlib/base/check.h"
#include "snownet/node/goodbye.h"
#include "snownet/node/limits.h"
#include "tests/scenarios/peer/app_packet.h"

namespace connlib::scenarios {

namespace node = snownet::node;

namespace {

// The date at which every world begins.
const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);

// The socket is bound to no address: where nothing else is said the system chooses.
SocketAddress any_address(IpFamily family, uint16_t port) {
  if (family == IpFamily::kV4) return {Ipv4Address{}, port};
  return {Ipv6Address{}, port};
}

std::unique_ptr<node::Node> make_node(const NodePeerOptions& options, RandomSource& random,
                                      Tracer& tracer, Timestamp now) {
  node::NodeOptions of_node = options.node;
  RandomSource& source =
      options.tap == nullptr ? random : options.tap->begin(random, of_node, kDate, now);
  return std::make_unique<node::Node>(of_node, kDate, source, tracer, now);
}

}  // namespace

NodePeer::NodePeer(NodePeerOptions options, SeededRandom random, Tracer& tracer, Timestamp now)
    : options_(std::move(options)),
      random_(std::move(random)),
      tracer_(tracer),
      node_(make_node(options_, random_, tracer_, now)),
      portal_(options_.portal),
      last_asked_at_(now - kAskAgain),
      last_now_(now) {}

// --- Inputs of a story

void NodePeer::start_echo(Timestamp now, Duration interval) {
  echo_interval_ = interval;
  next_ping_ = now;
  drain(now);
}

void NodePeer::stop_echo(Timestamp now) {
  echo_interval_.reset();
  next_ping_ = Timestamp::never();
  drain(now);
}

void NodePeer::send(Timestamp now, std::string_view text) {
  submit(now, app_packet(text));
  drain(now);
}

void NodePeer::start_transfer(Timestamp now, const TransferOptions& options) {
  CONNLIB_CHECK(transfers_.size() < kMaxTransfers);
  transfers_.emplace_back(options, now);
  drain(now);
}

bool NodePeer::offer(Timestamp now, const std::string& peer, std::string_view text) {
  const auto id = peer_id(peer);
  const bool was_sent = id && dispatch(now, *id, app_packet(text)) == Sent::kSent;
  drain(now);
  return was_sent;
}

void NodePeer::reset_network(Timestamp now, node::ResetKind kind) {
  node_->reset(now, kind);
  drain(now);
}

void NodePeer::shut_down(Timestamp now) {
  node_->close_all(now);
  drain(now);
}

void NodePeer::forget(Timestamp now, const std::string& peer) {
  const auto id = peer_id(peer);
  if (!id) return;
  node_->remove_connection(now, *id);
  handle_gone(now, *id, Happening::kForgotten);
  drain(now);
}

// --- sim::Machine

void NodePeer::handle_datagram(Timestamp now, sim::Datagram& datagram) {
  const node::Inbound inbound =
      node_->handle_datagram(now, datagram.destination, datagram.source, datagram.bytes);
  if (const auto* packet = std::get_if<node::Delivered>(&inbound)) {
    ++deliveries_;
    if (!is_on_selected_path(packet->from, datagram)) last_off_path_at_ = now;
    handle_packet(now, packet->from, packet->packet);
  }
  drain(now);
}

void NodePeer::handle_timeout(Timestamp now) {
  node_->handle_timeout(now);
  drain(now);
}

std::optional<sim::Datagram> NodePeer::poll_transmit() {
  if (queue_.empty()) return std::nullopt;
  sim::Datagram next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

Wakeup NodePeer::poll_timeout() const {
  if (!queue_.empty()) return {last_now_, "queued output"};
  Wakeup next = node_->poll_timeout();
  next = earliest(next, {next_ping_, "next ping"});
  if (!pending_.empty() && !gateway_ && portal_.is_open()) {
    next = earliest(next, {ask_again_at_, "ask the portal again"});
  }
  for (const TransferSender& transfer : transfers_) {
    next = earliest(next, {transfer.next_at(), "segment"});
  }
  return next;
}

// The node's outputs, then what the application makes of them, until both are silent.
void NodePeer::drain(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  run_application(last_now_);
  while (auto event = node_->poll_event()) handle_event(last_now_, *event);
  flush_pending(last_now_);
  while (auto transmit = node_->poll_transmit()) {
    const auto source =
        transmit->source.value_or(any_address(transmit->to.ip.family(), options_.port));
    queue_.push_back({source, transmit->to, std::move(transmit->bytes), transmit->ecn});
  }
  speak_to_portal();
  watch_paths(last_now_);
}

void NodePeer::watch_paths(Timestamp now) {
  if (ids_.size() > kMaxWatchedPaths) return;
  for (const auto& [name, id] : ids_) {
    const auto* agent = node_->agent(id);
    if (agent == nullptr || !agent->selected()) continue;
    const auto [at, is_new] = selected_.try_emplace(id, *agent->selected());
    if (!is_new && at->second == *agent->selected()) continue;
    at->second = *agent->selected();
    path_changed_at_ = now;
  }
}

// Through a relay it has to be the one that serves our end of the path.
bool NodePeer::is_on_selected_path(node::PeerId from, const sim::Datagram& datagram) const {
  const auto* agent = node_->agent(from);
  if (agent == nullptr || !agent->selected()) return false;
  const snownet::ice::Path& path = *agent->selected();
  if (path == snownet::ice::Path{datagram.destination, datagram.source}) return true;
  const auto relays = node_->relays();
  return std::any_of(relays.begin(), relays.end(), [&](const node::Relay& relay) {
    return relay.allocation->active_socket() == datagram.source &&
           relay.allocation->relayed_address(path.local.ip.family()) == path.local;
  });
}

// --- Application

void NodePeer::run_application(Timestamp now) {
  if (echo_interval_ && now >= next_ping_) {  // After a sleep one ping, not all that were missed.
    next_ping_ = now + *echo_interval_;
    submit(now, app_packet(fmt::format("ping {}", echo_.add(now))));
  }
  for (size_t i = 0; i < transfers_.size(); ++i) {
    transfers_[i].handle_timeout(now);
    while (const auto segment = transfers_[i].next(now)) {
      submit(now, app_packet(fmt::format("seg{} {}", i, *segment)));
    }
  }
  if (!pending_.empty() && !gateway_ && now >= ask_again_at_) want_authorization(now);
}

// While anything is pending what comes later has to queue behind it.
void NodePeer::submit(Timestamp now, std::vector<uint8_t> packet) {
  if (pending_.empty() && gateway_) {
    switch (dispatch(now, *gateway_, packet)) {
      case Sent::kSent:
        return;
      case Sent::kLost:
        ++packets_lost_;
        return;
      case Sent::kNotYet:
        break;
      case Sent::kUnknown:
        gateway_.reset();
        break;
    }
  }
  pending_.push(std::move(packet));
  if (!gateway_) want_authorization(now);
}

void NodePeer::flush_pending(Timestamp now) {
  while (gateway_ && !pending_.empty()) {
    const Sent sent = dispatch(now, *gateway_, pending_.front());
    if (sent == Sent::kNotYet) return;
    if (sent == Sent::kUnknown) {
      gateway_.reset();
      return want_authorization(now);
    }
    if (sent == Sent::kLost) ++packets_lost_;
    pending_.pop();
  }
}

NodePeer::Sent NodePeer::dispatch(Timestamp now, node::PeerId peer,
                                  const std::vector<uint8_t>& packet) {
  const auto route = node_->open_run(now, peer);
  if (const auto* failure = std::get_if<node::SendFailure>(&route)) {
    switch (*failure) {
      case node::SendFailure::kStillConnecting:
        return Sent::kNotYet;
      case node::SendFailure::kUnknownPeer:
      case node::SendFailure::kRecentlyDisconnected:
      case node::SendFailure::kFailed:
        return Sent::kUnknown;
      case node::SendFailure::kNoSession:
        return node_->queue_packet(now, peer, packet) ? Sent::kSent : Sent::kLost;
      case node::SendFailure::kNoChannel:
      case node::SendFailure::kTooLarge:
      case node::SendFailure::kCount:
        return Sent::kLost;
    }
  }
  const auto& open = std::get<node::OutboundRoute>(route);
  std::vector<uint8_t> datagram(node_->datagram_bytes(open, packet.size()));
  std::copy(packet.begin(), packet.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(open.packet_offset()));
  if (!node_->seal(now, open, datagram, packet.size())) return Sent::kLost;
  const auto source = open.source().value_or(any_address(open.remote().ip.family(), options_.port));
  queue_.push_back({source, open.remote(), std::move(datagram), {}});
  return Sent::kSent;
}

bool NodePeer::handle_transfers(Timestamp now, node::PeerId from, std::string_view text) {
  for (size_t i = 0; i < kMaxTransfers; ++i) {
    if (const auto segment = number_after(fmt::format("seg{}", i), text)) {
      const uint64_t complete = receivers_[{from, i}].receive(*segment);
      dispatch(now, from, app_packet(fmt::format("ack{} {}", i, complete)));
      return true;
    }
    if (const auto complete = number_after(fmt::format("ack{}", i), text)) {
      if (i < transfers_.size()) transfers_[i].acknowledge(*complete, now);
      return true;
    }
  }
  return false;
}

void NodePeer::handle_packet(Timestamp now, node::PeerId from, std::span<const uint8_t> packet) {
  if (node::is_goodbye(packet)) {
    node_->remove_connection(now, from);
    return handle_gone(now, from, Happening::kForgotten);
  }
  const auto text = app_text(packet);
  if (!text) return;
  if (const auto ping = number_after("ping", *text)) {
    dispatch(now, from, app_packet(fmt::format("pong {}", *ping)));
  } else if (const auto pong = number_after("pong", *text)) {
    echo_.answer(*pong, now);
  } else if (!handle_transfers(now, from, *text)) {
    inbox_.emplace_back(names_.at(from), *text);
  }
}

// --- Inspection

const snownet::ice::IceAgent* NodePeer::agent_to(const std::string& id) const {
  const auto peer = peer_id(id);
  return peer ? node_->agent(*peer) : nullptr;
}

std::optional<node::PeerId> NodePeer::peer_id(const std::string& id) const {
  const auto at = ids_.find(id);
  return at == ids_.end() ? std::nullopt : std::optional(at->second);
}

bool NodePeer::is_connected_to(const std::string& id) const {
  const auto peer = peer_id(id);
  return peer && node_->is_connected(*peer);
}

std::optional<node::PathKind> NodePeer::path_to(const std::string& id) const {
  const auto peer = peer_id(id);
  return peer ? node_->path_kind(*peer) : std::nullopt;
}

bool NodePeer::sends_through_relay(const std::string& id) const {
  const auto kind = path_to(id);
  return kind == node::PathKind::kRelayToPeer || kind == node::PathKind::kRelayToRelay;
}

}  // namespace connlib::scenarios
