// Packets of applications, on their way out.
#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/client/client_state.h"
#include "connlib/client/limits.h"
#include "connlib/control/control_packet.h"
#include "connlib/model/addressing.h"
#include "connlib/packet/icmp_error.h"

namespace connlib::client {

using snownet::node::Encapsulated;
using snownet::node::OutboundRoute;
using snownet::node::SendFailure;

Fate ClientState::handle_tun_packet(Timestamp now, std::span<uint8_t> bytes, DatagramRun& run) {
  now = clamp(now);
  auto parsed = IpPacket::parse(bytes);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return outbound_.count(Fate::kMalformed);
  const Decision decision = decide(now, *packet);
  if (const Fate* fate = std::get_if<Fate>(&decision)) return outbound_.count(*fate);
  return outbound_.count(send(now, *std::get<Peer*>(decision), bytes, run));
}

std::optional<OutboundRoute> ClientState::open_run(Timestamp now, std::span<uint8_t> first) {
  now = clamp(now);
  auto parsed = IpPacket::parse(first);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return std::nullopt;
  const Decision decision = decide(now, *packet);
  Peer* const* peer = std::get_if<Peer*>(&decision);
  if (peer == nullptr || !(*peer)->is_connected) return std::nullopt;
  const auto route = node_.open_run(now, (*peer)->id);
  const auto* open = std::get_if<OutboundRoute>(&route);
  return open == nullptr ? std::nullopt : std::optional(*open);
}

// Spec tunnel 2.4, in its order.
ClientState::Decision ClientState::decide(Timestamp now, IpPacket& packet) {
  if (control::is_control_traffic(packet.bytes())) return Fate::kControlFromTun;
  const IpAddress source = packet.source();
  const IpAddress destination = packet.destination();
  if (destination.is_multicast()) return Fate::kMulticast;
  if (!addresses_) return Fate::kNotReady;
  // Operating systems send from other addresses while interfaces change (lesson 039d0be7b8).
  if (!addresses_->contains(source)) return Fate::kNotTunnelSource;
  if (addresses_->contains(destination)) return Fate::kToSelf;  // Lesson 44a4c21610.
  if (kSentinelRange.contains(destination)) return take_dns(now, packet);

  const ClassifiedProtocol protocol = packet.destination_protocol();
  if (const auto* known = std::get_if<Protocol>(&protocol)) {
    if (Peer* gateway = decided_.find({destination, *known}, version())) return gateway;
    return decide_route(now, packet, *known);
  }
  return decide_error(now, packet);
}

// An ICMP error has no port of its own. It goes to a client that opened the flow it quotes, and
// nowhere else: gateways have no use for our errors (lesson 3106a634d9).
ClientState::Decision ClientState::decide_error(Timestamp now, IpPacket& packet) {
  const auto error = parse_icmp_error(packet);
  if (!error) return Fate::kUnsupportedProtocol;
  Peer* peer = peers_.find_at(packet.destination());
  const ClientSide* client = peer == nullptr ? nullptr : peer->client();
  if (client == nullptr || !client->flows.is_peers(routing::flow_from_peer(error->quoted), now)) {
    return Fate::kUnsupportedProtocol;
  }
  return peer;
}

// First match wins (spec tunnel 2.4 step 6).
ClientState::Decision ClientState::decide_route(Timestamp now, IpPacket& packet,
                                                const Protocol& protocol) {
  const IpAddress destination = packet.destination();
  if (kPeerRange.contains(destination)) {
    Peer* peer = peers_.find_at(destination);
    if (peer != nullptr) {  // Or about to be connected: then the packet waits for that.
      if (peer->is_gateway()) return peer;
      const auto flow = routing::flow_from_us(packet);
      if (flow && peer->client()->flows.note_reply(*flow, now)) return peer;
    }
  }
  const auto route = routes_.find(destination, protocol);
  if (!route) return Fate::kUnknownResource;
  // Asking for access to what our own filters forbid would be an endless loop (lesson da69cc7e70).
  if (!route->is_permitted) return reject(packet);
  return route->device != nullptr ? decide_device(now, packet, *route)
                                  : decide_gateway(now, packet, protocol, *route);
}

ClientState::Decision ClientState::decide_device(Timestamp now, IpPacket& packet,
                                                 const Route& route) {
  Peer* peer = peers_.find(PeerName(*route.device));
  if (peer == nullptr || !authorizations_.is_device_granted(*route.resource, *route.device)) {
    pending_.add_packet(now, {*route.resource, packet.destination()}, packet.bytes());
    return Fate::kWaiting;
  }
  if (const auto flow = routing::flow_from_us(packet)) {
    peer->client()->flows.note_ours(*flow, now);
  }
  return peer;
}

// Decided for every packet by its resource, never by what is connected (lesson 97ae522f74).
ClientState::Decision ClientState::decide_gateway(Timestamp now, IpPacket& packet,
                                                  const Protocol& protocol, const Route& route) {
  const GatewayId* gateway = authorizations_.gateway_of(*route.resource);
  Peer* peer = gateway == nullptr ? nullptr : peers_.find(*gateway);
  if (peer == nullptr) {
    pending_.add_packet(now, {*route.resource}, packet.bytes());
    return Fate::kWaiting;
  }
  using Verdict = nat::ClientNat::Verdict;
  const Verdict verdict = route.kind == Route::Kind::kDns
                              ? ask_translation(now, packet, *gateway, *route.resource)
                              : Verdict::kPassUntilChange;
  if (verdict == Verdict::kHold) return Fate::kWaiting;
  if (verdict == Verdict::kPassUntilChange) {
    decided_.insert({packet.destination(), protocol}, version(), peer);
  }
  return peer;
}

ClientState::Decision ClientState::reject(const IpPacket& packet) {
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto answer =
      answer_with_icmp_error(IcmpError::prohibited(packet.family()), packet, buffer);
  if (answer.empty()) return Fate::kUnknownResource;
  push_packet(answer);
  return Fate::kAnswered;
}

Fate ClientState::send(Timestamp now, Peer& peer, std::span<const uint8_t> packet,
                       DatagramRun& run) {
  if (!peer.is_connected) {
    // Behind what waits already, so that order is kept, or the first to wait.
    connecting_.push_routed(peer.name, packet);
    return Fate::kWaiting;
  }
  const auto sealed = node_.encapsulate(now, peer.id, packet, run);
  if (const auto* done = std::get_if<Encapsulated>(&sealed)) {
    switch (*done) {
      case Encapsulated::kSealed:
        return Fate::kSent;
      case Encapsulated::kQueued:
        return Fate::kWaiting;
      case Encapsulated::kRunMismatch:
        return Fate::kRunMismatch;
    }
  }
  switch (std::get<SendFailure>(sealed)) {
    case SendFailure::kStillConnecting:
      connecting_.push_routed(peer.name, packet);
      return Fate::kWaiting;
    case SendFailure::kTooLarge:
      return Fate::kTooLong;
    default:
      return Fate::kNotConnected;
  }
}

// A packet that waited is routed as if it came now.
void ClientState::replay(Timestamp now, std::span<uint8_t> bytes) {
  auto parsed = IpPacket::parse(bytes);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return;
  const Decision decision = decide(now, *packet);
  if (const Fate* fate = std::get_if<Fate>(&decision)) {
    outbound_.count(*fate);
    return;
  }
  Peer& peer = *std::get<Peer*>(decision);
  outbound_.count(seal_own(now, peer, bytes));
  if (!peer.is_connected) connecting_.push_routed(peer.name, bytes);
}

// What we made ourselves for this peer: control packets, answers.
void ClientState::send_own(Timestamp now, Peer& peer, std::span<const uint8_t> packet) {
  seal_own(now, peer, packet);
  if (!peer.is_connected) connecting_.push_for_peer(peer.name, packet);
}

// Nobody has a run for these packets, so each becomes a datagram of its own. kWaiting for a peer
// that is not connected means that the caller has to keep the packet.
Fate ClientState::seal_own(Timestamp now, Peer& peer, std::span<const uint8_t> packet) {
  if (!peer.is_connected) return Fate::kWaiting;
  const auto opened = node_.open_run(now, peer.id);
  const auto* route = std::get_if<OutboundRoute>(&opened);
  if (route == nullptr) {
    return std::get<SendFailure>(opened) == SendFailure::kNoSession &&
                   node_.queue_packet(now, peer.id, packet)
               ? Fate::kWaiting
               : Fate::kNotConnected;
  }
  std::vector<uint8_t> datagram(node_.datagram_bytes(*route, packet.size()));
  std::copy(packet.begin(), packet.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(route->packet_offset()));
  if (!node_.seal(now, *route, datagram, packet.size())) return Fate::kNotConnected;
  if (transmits_.size() == kMaxQueuedTransmits) transmits_.pop_front();
  transmits_.push_back({.source = route->source(),
                        .to = route->remote(),
                        .ecn = IpHeader(packet).ecn(),
                        .bytes = std::move(datagram)});
  return Fate::kSent;
}

}  // namespace connlib::client
