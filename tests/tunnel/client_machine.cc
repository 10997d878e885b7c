#include "tests/tunnel/client_machine.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "tests/support/packets.h"

namespace connlib::tunnel {

ClientMachine::ClientMachine(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now)
    : random_(seed), state_({}, date, random_, tracer, now) {}

client::Fate ClientMachine::send(Timestamp now, Bytes packet) {
  client::Fate fate = state_.handle_tun_packet(now, packet, run_);
  if (fate == client::Fate::kRunMismatch) {
    flush(run_);
    fate = state_.handle_tun_packet(now, packet, run_);
  }
  flush(run_);
  drain();
  return fate;
}

bool ClientMachine::lie(Timestamp now, const IpAddress& from, const IpAddress& gateway,
                        const Bytes& packet) {
  Bytes innocent = testing::udp_packet({from, 1}, {gateway, 53535});
  const auto route = state_.open_run(now, innocent);
  if (!route) return false;
  Bytes datagram(state_.datagram_bytes(*route, packet.size()));
  std::copy(packet.begin(), packet.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(route->packet_offset()));
  const bool is_sealed = state_.seal(now, *route, datagram, packet.size());
  const IpAddress any =
      route->remote().ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
  if (is_sealed) {
    sealed_.push_back({{route->source_ip().value_or(any), kTunnelPort},
                       route->remote(),
                       std::move(datagram),
                       Ecn::kNotEct});
  }
  drain();
  return is_sealed;
}

void ClientMachine::handle_datagram(Timestamp now, sim::Datagram& datagram) {
  state_.handle_datagrams(
      now, datagram.destination, datagram.source, 0, datagram.bytes,
      [&](std::span<uint8_t> packet) { received.emplace_back(packet.begin(), packet.end()); });
  drain();
}

void ClientMachine::handle_timeout(Timestamp now) {
  state_.handle_timeout(now);
  drain();
}

std::optional<sim::Datagram> ClientMachine::poll_transmit() {
  if (!sealed_.empty()) {
    sim::Datagram datagram = std::move(sealed_.front());
    sealed_.pop_front();
    return datagram;
  }
  auto transmit = state_.poll_transmit();
  if (!transmit) return std::nullopt;
  const IpAddress any =
      transmit->to.ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
  return sim::Datagram{transmit->source.value_or(SocketAddress{any, kTunnelPort}), transmit->to,
                       std::move(transmit->bytes), transmit->ecn};
}

Wakeup ClientMachine::poll_timeout() const {
  if (!sealed_.empty()) return {Timestamp(), "sealed datagrams"};
  return state_.poll_timeout();
}

void ClientMachine::flush(DatagramRun& run) {
  const auto bytes = run.bytes();
  const IpAddress any =
      run.remote().ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
  for (size_t at = 0; at < bytes.size(); at += run.segment_bytes()) {
    const auto datagram = bytes.subspan(at, std::min(run.segment_bytes(), bytes.size() - at));
    sealed_.push_back({{run.source().value_or(any), kTunnelPort},
                       run.remote(),
                       {datagram.begin(), datagram.end()},
                       run.ecn()});
  }
  run.clear();
}

void ClientMachine::drain() {
  while (auto event = state_.poll_event()) {
    if (auto* message = std::get_if<portal::FromClient>(&*event)) {
      if (portal_) portal_(*message);
    } else if (auto* config = std::get_if<client::TunConfig>(&*event)) {
      tun_config = std::move(*config);
    } else if (auto* report = std::get_if<client::ResourceReport>(&*event)) {
      reports.push_back(std::move(*report));
    } else if (const auto* notice = std::get_if<client::Notice>(&*event)) {
      notices.push_back(*notice);
    } else {
      ++reconnects;
      if (on_reconnect) on_reconnect();
    }
  }
  while (auto query = state_.poll_dns_query()) {
    if (on_dns_query) {
      on_dns_query(*query);
    } else {
      dns_queries.push_back(std::move(*query));
    }
  }
  while (auto packet = state_.poll_packet()) received.push_back(std::move(*packet));
}

}  // namespace connlib::tunnel
