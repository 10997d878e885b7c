// GatewayState: the packet path. Nothing here allocates for a packet that passes, and nothing that
// a client sends is logged above trace.
#include <algorithm>
#include <utility>

#include "connlib/control/control_packet.h"
#include "connlib/gateway/gateway_state.h"
#include "connlib/model/addressing.h"

namespace connlib::gateway {

using snownet::node::Delivered;
using snownet::node::Encapsulated;
using snownet::node::OutboundRoute;
using snownet::node::SendFailure;

Unroutable GatewayState::refuse(Unroutable reason) {
  unroutable_.count(reason);
  return reason;
}

// --- From clients.

void GatewayState::handle_datagrams(Timestamp now, const SocketAddress& local,
                                    const SocketAddress& from, size_t segment_bytes,
                                    std::span<uint8_t> bytes,
                                    absl::FunctionRef<void(std::span<uint8_t>)> to_tun) {
  now = clamp(now);
  node_.handle_datagrams(now, local, from, segment_bytes, bytes, [&](const Delivered& delivered) {
    take_from_client(now, delivered, {local, from}, to_tun);
  });
  finish(now);
}

// The order is that of spec tunnel 6.4, then 5.4.
void GatewayState::take_from_client(Timestamp now, const Delivered& delivered, const Outer& outer,
                                    absl::FunctionRef<void(std::span<uint8_t>)> to_tun) {
  const bool is_control = control::is_control_traffic(delivered.packet);
  auto parsed = IpPacket::parse(delivered.packet);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr && !is_control) {
    refuse(Unroutable::kMalformed);
    return;
  }
  if (packet != nullptr && packet->destination().is_multicast()) {
    refuse(Unroutable::kMulticast);
    return;
  }
  ClientOnGateway* client = clients_.find(delivered.from);
  if (client == nullptr || !own_) {
    refuse(Unroutable::kUnknownPeer);
    return;
  }
  if (is_control) {
    take_control(now, *client, delivered.packet);
    return;
  }
  const Admission admission = client->admit_outbound(now, *own_, *packet);
  if (client->next_deadline() < clients_.scheduled(*client)) clients_.schedule(*client);
  if (const auto* admitted = std::get_if<Admitted>(&admission)) {
    if (flows_.is_enabled()) {  // As translated: a flow is known by what the resource sees.
      record(now, flow::Direction::kToResponder, *admitted, flow::sight(*packet), outer);
    }
    to_tun(packet->bytes());
    return;
  }
  const Unroutable* refused = &std::get<Unroutable>(admission);
  refuse(*refused);
  if (const auto error = icmp_answer(*refused, packet->family())) {
    replies_.write(delivered.from, [&](std::span<uint8_t> out) {
      return answer_with_icmp_error(*error, *packet, out);
    });
  }
}

void GatewayState::take_control(Timestamp now, ClientOnGateway& client,
                                std::span<const uint8_t> packet) {
  auto decoded = control::decode_control_event(packet);
  if (std::holds_alternative<control::ControlDrop>(decoded)) {
    refuse(Unroutable::kUnknownControl);
    return;
  }
  auto& event = std::get<control::ControlEvent>(decoded);
  if (std::holds_alternative<control::Goodbye>(event)) {
    // The node is in the middle of a batch; finish() removes the client.
    departed_.push_back(client.peer());
  } else if (auto* assigned = std::get_if<control::AssignedIps>(&event)) {
    take_assignment(now, client, std::move(*assigned));
  } else {
    refuse(Unroutable::kUnknownControl);  // A DomainStatus is ours to send.
  }
}

void GatewayState::take_assignment(Timestamp now, ClientOnGateway& client,
                                   control::AssignedIps assigned) {
  ResolutionWaiter waiter{client.id(), std::move(assigned.resource), std::move(assigned.domain),
                          std::move(assigned.proxy_ips)};
  if (!client.may_resolve(now, waiter)) {
    answer(waiter, control::DomainStatus::Status::kInactive);
    return;
  }
  ask(now, std::move(waiter));
}

void GatewayState::ask(Timestamp now, ResolutionWaiter waiter) {
  std::string domain = waiter.domain;
  const auto asking = resolutions_.ask(now, std::move(waiter));
  if (asking.what == Resolutions::Asked::kStarted) {
    events_.emplace_back(ResolveName{asking.id, std::move(domain)});
  }
}

// --- To clients.

// client_for() is whose packet this is, of those from the TUN (spec tunnel 6.4).
std::variant<ClientOnGateway*, Unroutable> GatewayState::client_for(const IpPacket& packet) {
  if (control::is_control_traffic(packet.bytes())) return Unroutable::kControlFromTun;
  const IpAddress destination = packet.destination();
  if (destination.is_multicast()) return Unroutable::kMulticast;
  if (!kPeerRange.contains(destination)) return Unroutable::kNotAPeer;
  ClientOnGateway* client = clients_.find(destination);
  if (client == nullptr || !own_) return Unroutable::kNoPeerState;
  return client;
}

std::variant<GatewayRoute, Unroutable> GatewayState::open_run(Timestamp now,
                                                              std::span<uint8_t> packet) {
  now = clamp(now);
  auto parsed = IpPacket::parse(packet);
  const auto* view = std::get_if<IpPacket>(&parsed);
  if (view == nullptr) return refuse(Unroutable::kMalformed);
  const auto client = client_for(*view);
  if (const auto* reason = std::get_if<Unroutable>(&client)) return refuse(*reason);
  const PeerId peer = std::get<ClientOnGateway*>(client)->peer();
  const auto path = node_.open_run(now, peer);
  if (std::holds_alternative<SendFailure>(path)) return refuse(Unroutable::kNotConnected);
  return GatewayRoute{std::get<OutboundRoute>(path), peer};
}

size_t GatewayState::datagram_bytes(const GatewayRoute& route, size_t packet_bytes) const {
  return node_.datagram_bytes(route.path, packet_bytes);
}

bool GatewayState::seal(Timestamp now, const GatewayRoute& route, std::span<uint8_t> datagram,
                        size_t packet_bytes) {
  now = clamp(now);
  const size_t offset = route.path.packet_offset();
  if (datagram.size() < offset || datagram.size() - offset < packet_bytes) return false;
  auto parsed = IpPacket::parse(datagram.subspan(offset, packet_bytes));
  auto* packet = std::get_if<IpPacket>(&parsed);
  ClientOnGateway* client = clients_.find(route.peer);
  // A run is cut from one super-packet; errors come alone and may change their size.
  if (packet == nullptr || client == nullptr || packet->is_icmp_error() ||
      !client->addresses().contains(packet->destination())) {
    refuse(Unroutable::kMalformed);
    return false;
  }
  const auto refused = admit(now, *client, *packet, {route.path.source(), route.path.remote()});
  if (refused) return false;
  return node_.seal(now, route.path, datagram, packet_bytes);
}

std::optional<Unroutable> GatewayState::admit(Timestamp now, ClientOnGateway& client,
                                              IpPacket& packet, const Outer& outer) {
  std::optional<flow::Sighting> sighting;  // As the resource sent it.
  if (flows_.is_enabled()) sighting = flow::sight(packet);
  const Admission admission = client.admit_inbound(now, *own_, packet);
  if (client.next_deadline() < clients_.scheduled(client)) clients_.schedule(client);
  if (const auto* refused = std::get_if<Unroutable>(&admission)) return refuse(*refused);
  record(now, flow::Direction::kToInitiator, std::get<Admitted>(admission), sighting, outer);
  return std::nullopt;
}

void GatewayState::record(Timestamp now, flow::Direction direction, const Admitted& admitted,
                          const std::optional<flow::Sighting>& packet, const Outer& outer) {
  if (!packet || admitted.grant == nullptr) return;
  flows_.handle_packet(
      now, {admitted.grant->flows, direction, *packet, outer.local, outer.remote},
      [&] { return admitted.domain == nullptr ? std::string() : to_text(*admitted.domain); });
}

std::variant<Encapsulated, Unroutable> GatewayState::encapsulate(Timestamp now,
                                                                 std::span<uint8_t> bytes,
                                                                 DatagramRun& run) {
  now = clamp(now);
  auto parsed = IpPacket::parse(bytes);
  auto* packet = std::get_if<IpPacket>(&parsed);
  if (packet == nullptr) return refuse(Unroutable::kMalformed);
  const auto found = client_for(*packet);
  if (const auto* reason = std::get_if<Unroutable>(&found)) return refuse(*reason);
  ClientOnGateway& client = *std::get<ClientOnGateway*>(found);
  if (packet->is_icmp_error()) return encapsulate_error(now, client, *packet, run);

  const auto opened = node_.open_run(now, client.peer());
  if (const auto* failure = std::get_if<SendFailure>(&opened)) {
    if (*failure != SendFailure::kNoSession) return refuse(Unroutable::kNotConnected);
    if (const auto refused = admit(now, client, *packet, {})) return *refused;
    if (!node_.queue_packet(now, client.peer(), bytes)) return refuse(Unroutable::kNotConnected);
    return Encapsulated::kQueued;
  }
  const auto& path = std::get<OutboundRoute>(opened);
  if (run.empty()) run.start(path.remote(), packet->ecn(), path.source_ip());
  const bool is_same_way = run.remote() == path.remote() && run.ecn() == packet->ecn() &&
                           run.source() == path.source_ip();
  if (!is_same_way) return Encapsulated::kRunMismatch;
  const auto datagram = run.reserve(node_.datagram_bytes(path, bytes.size()));
  if (datagram.empty()) return Encapsulated::kRunMismatch;
  // From here on nothing asks for the packet again, so it may be edited.
  if (const auto refused = admit(now, client, *packet, {path.source(), path.remote()})) {
    return *refused;
  }
  std::copy(bytes.begin(), bytes.end(), datagram.subspan(path.packet_offset()).begin());
  if (!node_.seal(now, path, datagram, bytes.size())) return refuse(Unroutable::kNotConnected);
  run.commit();
  return Encapsulated::kSealed;
}

// An ICMP error is translated in a copy: the result may be shorter, and the caller comes again with
// the original when it does not fit the run.
std::variant<Encapsulated, Unroutable> GatewayState::encapsulate_error(Timestamp now,
                                                                       ClientOnGateway& client,
                                                                       const IpPacket& packet,
                                                                       DatagramRun& run) {
  std::array<uint8_t, IpPacket::kMaxBytes> copy{};
  std::array<uint8_t, IpPacket::kMaxBytes> rebuilt{};
  const auto original = packet.bytes();
  std::copy(original.begin(), original.end(), copy.begin());
  auto parsed = IpPacket::parse(std::span(copy).first(original.size()));
  auto* error = std::get_if<IpPacket>(&parsed);
  if (error == nullptr) return refuse(Unroutable::kMalformed);
  const auto admitted = client.admit_inbound_error(now, *own_, *error, rebuilt);
  if (const auto* reason = std::get_if<Unroutable>(&admitted)) return refuse(*reason);
  const auto sealed =
      node_.encapsulate(now, client.peer(), std::get<std::span<const uint8_t>>(admitted), run);
  if (const auto* what = std::get_if<snownet::node::Encapsulated>(&sealed)) return *what;
  return refuse(Unroutable::kNotConnected);
}

// --- Packets of our own.

void GatewayState::send(Timestamp now, PeerId peer, std::span<const uint8_t> packet) {
  const auto opened = node_.open_run(now, peer);
  if (const auto* failure = std::get_if<SendFailure>(&opened)) {
    const bool is_queued =
        *failure == SendFailure::kNoSession && node_.queue_packet(now, peer, packet);
    if (!is_queued) refuse(Unroutable::kNotConnected);
    return;
  }
  const auto& path = std::get<OutboundRoute>(opened);
  std::vector<uint8_t> datagram(node_.datagram_bytes(path, packet.size()));
  std::copy(packet.begin(), packet.end(),
            std::span(datagram).subspan(path.packet_offset()).begin());
  if (!node_.seal(now, path, datagram, packet.size())) {
    refuse(Unroutable::kNotConnected);
    return;
  }
  transmits_.push({path.source(), path.remote(), Ecn::kNotEct, std::move(datagram)});
}

}  // namespace connlib::gateway
