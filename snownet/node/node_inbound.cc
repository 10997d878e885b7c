// Node: what arrives. Each stage takes a datagram for good or passes it on; none falls through
// after it claimed one (snownet §6.1):
//
//   relay's socket? ─► Allocation ─► ChannelData of a peer ─┐
//   anybody else ───────────────────────────────────────────┴─► STUN ─► agent
//                                                           └─► WireGuard ─► packet
#include <variant>

#include "snownet/node/node.h"
#include "snownet/stun/datagram_kind.h"
#include "snownet/stun/message.h"

namespace connlib::snownet::node {
namespace {

// Whether `bytes` are what relays send; the first byte alone could be WireGuard's.
bool is_relay_traffic(std::span<const uint8_t> bytes) {
  switch (stun::datagram_kind(bytes)) {
    case stun::DatagramKind::kStun:
      return stun::parse_header(bytes).has_value();
    case stun::DatagramKind::kChannelData:
      return stun::parse_channel_data(bytes).has_value();
    case stun::DatagramKind::kOther:
      return false;
  }
  return false;
}

}  // namespace

Inbound Node::drop(Drop why) {
  ++drops_[static_cast<size_t>(why)];
  return why;
}

Inbound Node::handle_datagram(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                              std::span<uint8_t> datagram) {
  observe(now, DatagramsInput{local, from, 0, datagram});
  now = clamp(now);
  const Inbound inbound =
      handle_one(now, relays_.at(from), {{local, from}, std::nullopt}, datagram);
  finish(now);
  return inbound;
}

void Node::handle_datagrams(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                            size_t segment_bytes, std::span<uint8_t> bytes,
                            absl::FunctionRef<void(const Delivered&)> deliver) {
  observe(now, DatagramsInput{local, from, segment_bytes, bytes});
  now = clamp(now);
  Relay* relay = relays_.at(from);
  const Arrival arrival{{local, from}, std::nullopt};
  for_each_segment(bytes, segment_bytes, [&](std::span<uint8_t> datagram) {
    const Inbound inbound = handle_one(now, relay, arrival, datagram);
    if (const auto* delivered = std::get_if<Delivered>(&inbound)) deliver(*delivered);
  });
  finish(now);
}

// By the table of relay sockets, not by a port number (D11). What comes from a relay is never
// anything but STUN and ChannelData.
Inbound Node::handle_one(Timestamp now, Relay* relay, const Arrival& arrival,
                         std::span<uint8_t> bytes) {
  if (relay != nullptr) return handle_from_relay(now, *relay, arrival, bytes);
  if (is_relay_traffic(bytes) && relays_.is_former(arrival.path.remote)) {
    return drop(Drop::kFromFormerRelay);
  }
  return handle_from_peer(now, arrival, bytes);
}

Inbound Node::handle_from_relay(Timestamp now, Relay& relay, const Arrival& arrival,
                                std::span<uint8_t> bytes) {
  const turn::Inbound inbound =
      relay.allocation->handle_datagram(now, arrival.path.local, arrival.path.remote, bytes);
  if (std::holds_alternative<turn::Drop>(inbound)) return drop(Drop::kRefusedByAllocation);
  const auto* data = std::get_if<turn::Received>(&inbound);
  if (data == nullptr) {
    note_relay_answer(relay, arrival.path.local);
    return Consumed{};
  }
  const auto relayed = relay.allocation->relayed_address(data->peer.ip.family());
  if (!relayed) return drop(Drop::kRefusedByAllocation);
  return handle_from_peer(now, {{*relayed, data->peer}, relay.serial}, data->payload);
}

Inbound Node::handle_from_peer(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes) {
  if (stun::datagram_kind(bytes) == stun::DatagramKind::kStun && stun::parse_header(bytes)) {
    return handle_check(now, arrival, bytes);
  }
  return handle_wireguard(now, arrival, bytes);
}

Inbound Node::handle_check(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes) {
  const auto parsed = stun::parse_message(bytes);
  const auto* message = std::get_if<stun::Message>(&parsed);
  if (message == nullptr) return drop(Drop::kUnknownCheck);
  Connection* connection = nullptr;
  bool is_of_the_past = false;
  if (message->cls() == stun::MessageClass::kRequest) {
    const auto username = message->username();
    if (!username) return drop(Drop::kUnknownCheck);
    connection = connections_.find_username(*username);
    is_of_the_past = connection == nullptr && recent_.knows_username(now, *username);
  } else if (const auto sender = checks_.find(now, message->transaction_id())) {
    connection = connections_.find(*sender);
    is_of_the_past = connection == nullptr;
  }
  if (is_of_the_past) return drop(Drop::kRecentlyDisconnected);
  if (connection == nullptr || connection->failure()) return drop(Drop::kUnknownCheck);
  const auto refused = connection->agent().handle_datagram(now, arrival.path, bytes);
  if (!refused && arrival.relay) connection->note_heard(now);
  settle(now, *connection);
  return refused ? drop(Drop::kRefusedCheck) : Consumed{};
}

Inbound Node::handle_wireguard(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes) {
  const auto type = wireguard::classify(bytes);
  if (!type) return drop(Drop::kNotWireguard);
  const wireguard::Inbound inbound = device_->handle_datagram(now, arrival.path.remote, bytes);
  // One answer at a time, so that each goes back where its question came from.
  if (*type != wireguard::MessageType::kData) drain_device(now, &arrival);
  if (const auto* why = std::get_if<wireguard::Drop>(&inbound)) {
    if (*why != wireguard::Drop::kUnknownIndex) return drop(Drop::kRefusedMessage);
    const auto index = wireguard::receiver_index(bytes);
    const bool is_of_the_past = index && recent_.knows_index(now, *index);
    return drop(is_of_the_past ? Drop::kRecentlyDisconnected : Drop::kUnknownSession);
  }
  const auto* delivered = std::get_if<wireguard::Delivered>(&inbound);
  if (delivered == nullptr) return Consumed{};
  Connection* connection = connections_.find(delivered->from);
  if (connection == nullptr || connection->failure()) return drop(Drop::kRecentlyDisconnected);
  if (arrival.relay) connection->note_heard(now);
  if (connection->note_activity(now)) settle(now, *connection);
  if (const auto& socket = connection->socket()) {
    connection->statistics.bytes_received[index(socket->kind)] += delivered->packet.size();
  }
  return Delivered{connection->peer(), delivered->packet};
}

}  // namespace connlib::snownet::node
