#include "tests/tunnel/system/tunnel_gateway.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace connlib::tunnel {
namespace {

constexpr uint16_t kPort = 52625;

SocketAddress any_of(IpFamily family) {
  const bool is_v4 = family == IpFamily::kV4;
  return {is_v4 ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{}), kPort};
}

}  // namespace

TunnelGateway::TunnelGateway(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now)
    : random_(seed), state_({}, date, random_, tracer, now) {}

bool TunnelGateway::from_kernel(Timestamp now, Bytes packet) {
  using snownet::node::Encapsulated;
  auto outcome = state_.encapsulate(now, packet, run_);
  flush();
  const auto* sent = std::get_if<Encapsulated>(&outcome);
  if (sent != nullptr && *sent == Encapsulated::kRunMismatch) {
    outcome = state_.encapsulate(now, packet, run_);
    flush();
  }
  drain();
  return std::holds_alternative<Encapsulated>(outcome);
}

void TunnelGateway::handle_datagram(Timestamp now, sim::Datagram& datagram) {
  std::vector<Bytes> packets;
  state_.handle_datagrams(
      now, datagram.destination, datagram.source, 0, datagram.bytes,
      [&](std::span<uint8_t> packet) { packets.emplace_back(packet.begin(), packet.end()); });
  drain();
  for (Bytes& packet : packets) listeners_.kernel(std::move(packet));
}

void TunnelGateway::handle_timeout(Timestamp now) {
  state_.handle_timeout(now);
  drain();
}

std::optional<sim::Datagram> TunnelGateway::poll_transmit() {
  if (!sealed_.empty()) {
    sim::Datagram datagram = std::move(sealed_.front());
    sealed_.pop_front();
    return datagram;
  }
  auto transmit = state_.poll_transmit();
  if (!transmit) return std::nullopt;
  return sim::Datagram{transmit->source.value_or(any_of(transmit->to.ip.family())), transmit->to,
                       std::move(transmit->bytes), transmit->ecn};
}

Wakeup TunnelGateway::poll_timeout() const {
  if (!sealed_.empty()) return {Timestamp(), "sealed datagrams"};
  return state_.poll_timeout();
}

void TunnelGateway::flush() {
  const auto bytes = run_.bytes();
  const SocketAddress any = any_of(run_.remote().ip.family());
  for (size_t at = 0; at < bytes.size(); at += run_.segment_bytes()) {
    const auto datagram = bytes.subspan(at, std::min(run_.segment_bytes(), bytes.size() - at));
    sealed_.push_back({{run_.source().value_or(any.ip), kPort},
                       run_.remote(),
                       {datagram.begin(), datagram.end()},
                       run_.ecn()});
  }
  run_.clear();
}

void TunnelGateway::drain() {
  while (const auto event = state_.poll_event()) {
    if (const auto* to_portal = std::get_if<gateway::ToPortal>(&*event)) {
      listeners_.portal(to_portal->message);
    } else if (const auto* name = std::get_if<gateway::ResolveName>(&*event)) {
      listeners_.resolver(*name);
    } else if (std::holds_alternative<gateway::KeyChanged>(*event)) {
      listeners_.key_changed();
    }
  }
}

}  // namespace connlib::tunnel
