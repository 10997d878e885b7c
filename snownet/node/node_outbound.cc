// Node: what leaves. Packets are sealed where they lie, behind room for the relay's framing; only
// control messages and packets that had to wait pass through the transmit queue.
#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/packet/ip_header.h"
#include "snownet/node/node.h"

namespace connlib::snownet::node {
namespace {

// Data carries the mark of the packet inside (snownet §1.3).
Ecn ecn_of(std::span<const uint8_t> packet) {
  return total_length(packet) == 0 ? Ecn::kNotEct : IpHeader(packet).ecn();
}

void frame(std::span<uint8_t> datagram, stun::ChannelNumber channel) {
  stun::write_channel_data_header(datagram.first<stun::kChannelDataHeaderBytes>(), channel,
                                  datagram.size() - stun::kChannelDataHeaderBytes);
}

}  // namespace

SendFailure Node::refuse(SendFailure why) {
  ++send_failures_[static_cast<size_t>(why)];
  return why;
}

// --- Runs of packets.

std::variant<OutboundRoute, SendFailure> Node::open_run(Timestamp now, PeerId peer) {
  observe(now, OpenRunInput{peer});
  now = clamp(now);
  Connection* connection = connections_.find(peer);
  if (connection == nullptr) {
    return refuse(recent_.knows(now, peer) ? SendFailure::kRecentlyDisconnected
                                           : SendFailure::kUnknownPeer);
  }
  if (connection->failure()) return refuse(SendFailure::kFailed);
  if (!connection->is_established()) return refuse(SendFailure::kStillConnecting);
  if (connection->note_activity(now)) settle(now, *connection);
  if (!device_->can_seal(now, connection->tunnel())) {
    device_->start_handshake(now, connection->tunnel());
    finish(now);
    return refuse(SendFailure::kNoSession);
  }
  const auto route = route_of(now, *connection);
  if (!route) return refuse(SendFailure::kNoChannel);
  return *route;
}

std::optional<OutboundRoute> Node::route_of(Timestamp now, const Connection& connection) {
  const PeerSocket& socket = *connection.socket();
  OutboundRoute out;
  out.connection_ = connection.ref();
  if (!is_local_relayed(socket.kind)) {
    out.remote_ = socket.path.remote;
    out.source_ = socket.path.local;
    return out;
  }
  Relay* relay = socket.relay ? relays_.find(*socket.relay) : nullptr;
  if (relay == nullptr) return std::nullopt;
  const auto channel = relay->allocation->route_to(now, socket.path.remote);
  drain_transmits(*relay->allocation);
  if (!channel) return std::nullopt;
  out.remote_ = channel->relay;
  out.channel_ = channel->channel;
  return out;
}

size_t Node::datagram_bytes(const OutboundRoute& route, size_t packet_bytes) const {
  const Connection* connection = connections_.find(route.connection_);
  if (connection == nullptr) return 0;
  return route.framing_bytes() + device_->sealed_bytes(connection->tunnel(), packet_bytes);
}

bool Node::seal(Timestamp now, const OutboundRoute& route, std::span<uint8_t> datagram,
                size_t packet_bytes) {
  now = clamp(now);
  Connection* connection = connections_.find(route.connection_);
  if (connection == nullptr || connection->failure()) return false;
  if (packet_bytes > kMaxPacketBytes) {
    refuse(SendFailure::kTooLarge);
    return false;
  }
  const size_t framing = route.framing_bytes();
  if (datagram.size() < route.packet_offset() + packet_bytes) return false;
  observe(now, SealInput{datagram.subspan(route.packet_offset(), packet_bytes)});
  if (!device_->seal(now, connection->tunnel(), datagram.subspan(framing), packet_bytes)) {
    return false;
  }
  if (route.channel_) frame(datagram, *route.channel_);
  connection->statistics.bytes_sent[index(connection->socket()->kind)] += packet_bytes;
  return true;
}

bool Node::queue_packet(Timestamp now, PeerId peer, std::span<const uint8_t> packet) {
  observe(now, QueuePacketInput{peer, packet});
  clamp(now);
  Connection* connection = connections_.find(peer);
  if (connection == nullptr || !connection->is_established() || connection->failure()) return false;
  return packet.size() <= kMaxPacketBytes && connection->packets.push(packet);
}

std::variant<Encapsulated, SendFailure> Node::encapsulate(Timestamp now, PeerId peer,
                                                          std::span<const uint8_t> packet,
                                                          DatagramRun& run) {
  if (packet.size() > kMaxPacketBytes) return refuse(SendFailure::kTooLarge);
  const auto opened = open_run(now, peer);
  if (const auto* failure = std::get_if<SendFailure>(&opened)) {
    if (*failure == SendFailure::kNoSession && queue_packet(now, peer, packet)) {
      return Encapsulated::kQueued;
    }
    return *failure;
  }
  const auto& route = std::get<OutboundRoute>(opened);
  const Ecn ecn = ecn_of(packet);
  if (run.empty()) run.start(route.remote(), ecn, route.source_ip());
  const bool is_same_way =
      run.remote() == route.remote() && run.ecn() == ecn && run.source() == route.source_ip();
  if (!is_same_way) return Encapsulated::kRunMismatch;
  const auto datagram = run.reserve(datagram_bytes(route, packet.size()));
  if (datagram.empty()) return Encapsulated::kRunMismatch;
  std::copy(packet.begin(), packet.end(), datagram.subspan(route.packet_offset()).begin());
  if (!seal(now, route, datagram, packet.size())) return refuse(SendFailure::kNoSession);
  run.commit();
  return Encapsulated::kSealed;
}

// --- One datagram at a time.

bool Node::send(Timestamp now, const Arrival& path, std::span<const uint8_t> bytes) {
  if (!path.relay) {
    transmits_.push(
        {path.path.local, path.path.remote, Ecn::kNotEct, {bytes.begin(), bytes.end()}});
    return true;
  }
  Relay* relay = relays_.find(*path.relay);
  if (relay == nullptr) return false;
  const auto route = relay->allocation->route_to(now, path.path.remote);
  drain_transmits(*relay->allocation);
  if (!route) return false;  // A bind has begun; whatever is lost here is repeated.
  std::vector<uint8_t> framed(stun::kChannelDataHeaderBytes + bytes.size());
  std::copy(bytes.begin(), bytes.end(), framed.begin() + stun::kChannelDataHeaderBytes);
  frame(framed, route->channel);
  transmits_.push({std::nullopt, route->relay, Ecn::kNotEct, std::move(framed)});
  return true;
}

void Node::send_check(Timestamp now, Connection& connection, const ice::Transmit& transmit) {
  const PeerSocket socket = via(connection, transmit.path);
  const bool is_relayed = node::is_local_relayed(socket.kind);
  if (is_relayed && !socket.relay) return;  // The relayed address is gone.
  const auto bytes = transmit.message.bytes();
  const auto header = stun::parse_header(bytes);
  if (header && header->type.cls == stun::MessageClass::kRequest) {
    checks_.add(now, header->transaction_id, connection.ref());
  }
  send(now, {socket.path, socket.relay}, bytes);
}

void Node::send_message(Timestamp now, Connection& connection, std::span<const uint8_t> message) {
  const auto& socket = connection.socket();
  if (!socket) {
    connection.messages.push(message);
  } else if (socket->relay || !node::is_local_relayed(socket->kind)) {
    send(now, {socket->path, socket->relay}, message);
  }
}

bool Node::send_packet(Timestamp now, const Connection& connection,
                       std::span<const uint8_t> packet) {
  if (!connection.socket() || !device_->can_seal(now, connection.tunnel())) return false;
  const auto route = route_of(now, connection);
  if (!route) {
    refuse(SendFailure::kNoChannel);
    return false;
  }
  std::vector<uint8_t> datagram(datagram_bytes(*route, packet.size()));
  std::copy(packet.begin(), packet.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(route->packet_offset()));
  if (!seal(now, *route, datagram, packet.size())) return false;
  transmits_.push({route->source(), route->remote(), ecn_of(packet), std::move(datagram)});
  return true;
}

}  // namespace connlib::snownet::node
