// Packets from the network.
#include <variant>

#include "connlib/client/client_state.h"
#include "connlib/client/limits.h"
#include "connlib/control/control_event.h"
#include "connlib/control/control_packet.h"
#include "connlib/packet/icmp_error.h"
#include "connlib/routing/packet_filter.h"

namespace connlib::client {

void ClientState::handle_datagrams(Timestamp now, const SocketAddress& local,
                                   const SocketAddress& from, size_t segment_bytes,
                                   std::span<uint8_t> bytes,
                                   absl::FunctionRef<void(std::span<uint8_t>)> deliver) {
  now = clamp(now);
  node_.handle_datagrams(now, local, from, segment_bytes, bytes,
                         [&](const snownet::node::Delivered& delivered) {
                           const Fate fate = admit(now, delivered.from, delivered.packet);
                           inbound_.count(fate);
                           if (fate == Fate::kDelivered) deliver(delivered.packet);
                         });
  act_on_arrivals(now);
  finish(now);
}

// Runs inside the node's delivery and must not call it: what needs an answer is put aside.
Fate ClientState::admit(Timestamp now, PeerId from, std::span<uint8_t> bytes) {
  Peer* peer = peers_.find(from);
  if (peer == nullptr || !addresses_) return Fate::kUnknownPeer;
  if (control::is_control_traffic(bytes)) return put_aside(from, bytes);
  auto parsed = IpPacket::parse(bytes);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return Fate::kMalformed;
  return peer->is_gateway() ? admit_from_gateway(now, *peer, *packet)
                            : admit_from_client(now, *peer, *packet);
}

// Gateways are trusted to send only replies, from what they serve (spec tunnel 2.9).
Fate ClientState::admit_from_gateway(Timestamp now, Peer& peer, IpPacket& packet) {
  if (!addresses_->contains(packet.destination())) return Fate::kSpoofed;
  // Servers inside the tunnel answer to ports that the operating system does not know.
  if (names_.handle_tunnel_packet(now, packet)) return Fate::kTaken;
  const IpAddress source = packet.source();
  if (!peer.addresses.contains(source) && !peer.gateway()->sources.contains(source)) {
    return Fate::kNotAllowedResource;
  }
  if (packet.is_icmp_error()) note_prohibited(peer.id, packet);
  return Fate::kDelivered;
}

// Spec tunnel 7.1, in its order. Lesson 6cb251ccdc: clients could claim the addresses of others, or
// send past us.
Fate ClientState::admit_from_client(Timestamp now, Peer& peer, IpPacket& packet) {
  if (!peer.addresses.contains(packet.source()) || !addresses_->contains(packet.destination())) {
    return Fate::kSpoofed;
  }
  routing::ConnectionTracker& flows = peer.client()->flows;
  if (packet.is_icmp_error()) {
    const auto error = parse_icmp_error(packet);
    if (!error) return Fate::kUntrackedError;
    const routing::FlowKey quoted = routing::flow_from_us(error->quoted);
    return flows.is_ours(quoted, now) || flows.is_peers(quoted, now) ? Fate::kDelivered
                                                                     : Fate::kUntrackedError;
  }
  const auto flow = routing::flow_from_peer(packet);
  if (flow && flows.note_return(*flow, now)) return Fate::kDelivered;
  const ClassifiedProtocol protocol = packet.destination_protocol();
  const auto* known = std::get_if<Protocol>(&protocol);
  const uint16_t port = known == nullptr ? uint16_t{0} : known->value;
  if (!peer.client()->access.admits(now, routing::filter_protocol(protocol), port)) {
    put_aside(peer.id, packet.bytes());
    return Fate::kNoAccess;
  }
  if (flow) flows.note_peers(*flow, now);
  return Fate::kDelivered;
}

// A gateway that has forgotten an authorization says "prohibited" (lesson b11adfcfe4). That makes
// us ask again: always, with the throttle of every request (decisions).
void ClientState::note_prohibited(PeerId from, IpPacket& packet) {
  const auto error = parse_icmp_error(packet);
  if (error && error->error == IcmpError::prohibited(packet.family())) {
    put_aside(from, packet.bytes());
  }
}

Fate ClientState::put_aside(PeerId from, std::span<const uint8_t> packet) {
  if (arrivals_.size() < kMaxArrivals) arrivals_.push_back({from, {packet.begin(), packet.end()}});
  return Fate::kTaken;
}

void ClientState::act_on_arrivals(Timestamp now) {
  for (Arrival& arrival : std::exchange(arrivals_, {})) {
    Peer* peer = peers_.find(arrival.from);
    if (peer == nullptr) continue;  // An earlier one was a goodbye.
    if (control::is_control_traffic(arrival.packet)) {
      handle_control(now, *peer, arrival.packet);
      continue;
    }
    auto parsed = IpPacket::parse(arrival.packet);
    auto* packet = std::get_if<IpPacket>(&parsed);
    if (packet == nullptr) continue;
    if (peer->is_gateway()) {
      ask_again(now, *packet);
    } else {
      answer_prohibited(now, *peer, *packet);
    }
  }
}

void ClientState::handle_control(Timestamp now, Peer& peer, std::span<const uint8_t> packet) {
  const auto decoded = control::decode_control_event(packet);
  const auto* event = std::get_if<control::ControlEvent>(&decoded);
  if (event == nullptr) return;
  if (std::holds_alternative<control::Goodbye>(*event)) {
    const PeerName name = peer.name;
    node_.remove_connection(now, peer.id);
    lose(name);
    return;
  }
  const auto* status = std::get_if<control::DomainStatus>(event);
  if (status == nullptr || !peer.is_gateway()) return;
  nat_.handle_status({std::get<GatewayId>(peer.name), status->domain, status->resource},
                     status->status == control::DomainStatus::Status::kActive);
}

void ClientState::ask_again(Timestamp now, IpPacket& error) {
  const auto parsed = parse_icmp_error(error);
  if (!parsed) return;
  const auto route =
      routes_.find(parsed->quoted.destination(), parsed->quoted.destination_protocol());
  // What our own filter forbids was not sent by us, and is not asked for.
  if (!route || !route->is_permitted || route->device != nullptr) return;
  pending_.want(now, {*route->resource});
}

void ClientState::answer_prohibited(Timestamp now, Peer& peer, const IpPacket& packet) {
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto answer =
      answer_with_icmp_error(IcmpError::prohibited(packet.family()), packet, buffer);
  if (!answer.empty()) send_own(now, peer, answer);
}

}  // namespace connlib::client
