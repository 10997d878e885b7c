#include "tests/tunnel/gateway_machine.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace connlib::tunnel {
namespace {

sim::Datagram to_datagram(std::optional<SocketAddress> source, const SocketAddress& to, Ecn ecn,
                          Bytes bytes) {
  const IpAddress any = to.ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
  return {source.value_or(SocketAddress{any, kTunnelPort}), to, std::move(bytes), ecn};
}

}  // namespace

GatewayMachine::GatewayMachine(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now)
    : random_(seed), node_({}, date, random_, tracer, now) {}

bool GatewayMachine::send(Timestamp now, std::span<const uint8_t> packet) {
  const auto opened = node_.open_run(now, kClient);
  const auto* route = std::get_if<snownet::node::OutboundRoute>(&opened);
  if (route == nullptr) return false;
  Bytes datagram(node_.datagram_bytes(*route, packet.size()));
  std::copy(packet.begin(), packet.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(route->packet_offset()));
  if (!node_.seal(now, *route, datagram, packet.size())) return false;
  sealed_.push_back(to_datagram(route->source(), route->remote(), Ecn::kNotEct, datagram));
  return true;
}

void GatewayMachine::handle_datagram(Timestamp now, sim::Datagram& datagram) {
  const auto inbound =
      node_.handle_datagram(now, datagram.destination, datagram.source, datagram.bytes);
  if (const auto* delivered = std::get_if<snownet::node::Delivered>(&inbound)) {
    received.emplace_back(delivered->packet.begin(), delivered->packet.end());
    if (on_packet) on_packet(now, Bytes(received.back()));
  }
  drain();
}

void GatewayMachine::handle_timeout(Timestamp now) {
  node_.handle_timeout(now);
  drain();
}

std::optional<sim::Datagram> GatewayMachine::poll_transmit() {
  if (!sealed_.empty()) {
    sim::Datagram datagram = std::move(sealed_.front());
    sealed_.pop_front();
    return datagram;
  }
  auto transmit = node_.poll_transmit();
  if (!transmit) return std::nullopt;
  return to_datagram(transmit->source, transmit->to, transmit->ecn, std::move(transmit->bytes));
}

Wakeup GatewayMachine::poll_timeout() const {
  if (!sealed_.empty()) return {Timestamp(), "sealed datagrams"};
  return node_.poll_timeout();
}

void GatewayMachine::drain() {
  while (const auto event = node_.poll_event()) {
    if (!candidate_) continue;
    if (const auto* added = std::get_if<snownet::node::CandidateAdded>(&*event)) {
      candidate_(portal::CandidateChange::kAdded, added->line);
    } else if (const auto* removed = std::get_if<snownet::node::CandidateRemoved>(&*event)) {
      candidate_(portal::CandidateChange::kInvalidated, removed->line);
    }
  }
}

}  // namespace connlib::tunnel
