#include "shells/wg/engine.h"

#include <algorithm>
#include <utility>

#include "connlib/packet/ip_header.h"

namespace connlib::wg {

using wireguard::Consumed;
using wireguard::Delivered;
using wireguard::kDataHeaderBytes;
using wireguard::kDataMinBytes;
using wireguard::TunnelEvent;

namespace {

KeyBytes random_key(RandomSource& random) {
  KeyBytes key;
  random.fill(key.mutable_bytes());
  return key;
}

}  // namespace

Engine::Engine(EngineOptions options, Timestamp now, absl::Time date, RandomSource& random,
               Tracer& tracer)
    : options_(options),
      random_(&random),
      tracer_(&tracer),
      // Until there is a key, one that nobody knows: no handshake can succeed.
      device_(random_key(random), {}, now, date, random, tracer),
      outgoing_(options.send_runs) {}

Engine::~Engine() = default;

// --- From the TUN

size_t Engine::handle_packet(Timestamp now, const SuperPacket& packet, size_t first) {
  const size_t segments = packet.segments();
  // All segments share addresses, so one lookup serves the super-packet.
  const PeerId* route = allowed_ips_.find(IpHeader(packet.bytes()).destination());
  if (route == nullptr || !is_up_) {
    drops_.no_route += segments - first;
    return segments;
  }
  const PeerId id = *route;
  if (!peer(id).endpoint) {
    drops_.no_endpoint += segments - first;
    return segments;
  }
  if (!device_.can_seal(now, id)) {
    stage(id, packet, first);
    if (has_private_key_) device_.start_handshake(now, id);
    return segments;
  }
  if (!flush_staged(now, id)) return first;  // What waits already goes before this.
  const SocketAddress to = *peer(id).endpoint;
  for (size_t i = first; i < segments; ++i) {
    if (!seal_segment(now, id, to, packet, i)) return i;
  }
  return segments;
}

// False: no room in outgoing().
bool Engine::seal_segment(Timestamp now, PeerId id, const SocketAddress& to,
                          const SuperPacket& packet, size_t segment) {
  const size_t packet_bytes = packet.segment_bytes(segment);
  const size_t sealed_bytes = device_.sealed_bytes(id, packet_bytes);
  if (sealed_bytes > DatagramRun::kCapacity) {
    ++drops_.oversized;
    return true;
  }
  const std::span<uint8_t> datagram =
      outgoing_.reserve(to, IpHeader(packet.bytes()).ecn(), sealed_bytes);
  if (datagram.empty()) return false;
  packet.write_segment(segment, datagram.subspan(kDataHeaderBytes, packet_bytes));
  if (device_.seal(now, id, datagram, packet_bytes)) {
    outgoing_.commit();
  } else {
    ++drops_.unstaged;  // The session's last counter went within this super-packet.
  }
  return true;
}

void Engine::stage(PeerId id, const SuperPacket& packet, size_t first) {
  StagedPackets& staged = peer(id).staged;
  const uint64_t before = staged.dropped();
  for (size_t i = first; i < packet.segments(); ++i) {
    const std::span<uint8_t> room = staged.push(packet.segment_bytes(i));
    if (!room.empty()) packet.write_segment(i, room);
  }
  drops_.unstaged += staged.dropped() - before;
}

// False: outgoing() is full, or the session is gone again; the rest keeps waiting.
bool Engine::flush_staged(Timestamp now, PeerId id) {
  Peer& to = peer(id);
  while (!to.staged.empty() && to.endpoint) {
    const std::span<uint8_t> packet = to.staged.front();
    const size_t sealed_bytes = device_.sealed_bytes(id, packet.size());
    if (sealed_bytes <= DatagramRun::kCapacity) {
      const std::span<uint8_t> datagram =
          outgoing_.reserve(*to.endpoint, IpHeader(packet).ecn(), sealed_bytes);
      if (datagram.empty()) return false;
      std::copy(packet.begin(), packet.end(), datagram.subspan(kDataHeaderBytes).begin());
      if (!device_.seal(now, id, datagram, packet.size())) return false;
      outgoing_.commit();
    }
    to.staged.pop();
  }
  return true;
}

// --- From the network

void Engine::handle_datagrams(Timestamp now, const SocketAddress& remote, Ecn ecn,
                              std::span<uint8_t> bytes, size_t segment_bytes, WriteGroup write) {
  if (!is_up_) return;
  for_each_segment(bytes, segment_bytes, [&](std::span<uint8_t> datagram) {
    const wireguard::Inbound inbound = device_.handle_datagram(now, remote, datagram);
    if (const auto* delivered = std::get_if<Delivered>(&inbound)) {
      roam(delivered->from, remote);
      deliver(*delivered, ecn, write);
    } else if (const auto* consumed = std::get_if<Consumed>(&inbound)) {
      if (consumed->peer) roam(*consumed->peer, remote);
    }
  });
}

// Plain WireGuard follows the source of every authenticated packet (spec/wireguard.md §13).
void Engine::roam(PeerId id, const SocketAddress& remote) {
  std::optional<SocketAddress>& endpoint = peer(id).endpoint;
  if (endpoint != remote) endpoint = remote;
}

void Engine::deliver(const Delivered& delivered, Ecn ecn, WriteGroup write) {
  const PeerId* owner = allowed_ips_.find(IpHeader(delivered.packet).source());
  if (owner == nullptr || *owner != delivered.from) {
    ++drops_.source_not_allowed;
    return;
  }
  if (ecn == Ecn::kCe) mark_congestion(delivered.packet);
  if (coalescer_.add(delivered.packet)) return;
  coalescer_.flush(write);
  static_cast<void>(coalescer_.add(delivered.packet));  // An empty coalescer takes any packet.
}

// --- Time and control traffic

bool Engine::pump(Timestamp now) {
  if (device_.poll_timeout().at <= now) device_.handle_timeout(now);
  while (const auto event = device_.poll_event()) handle_event(*event);
  // Staged packets go before keepalives: they confirm a new session just as well.
  while (!to_flush_.empty()) {
    const PeerId id = to_flush_.back();
    Peer* to = peers_[id.value()].get();
    if (to != nullptr && to->wants_flush) {
      if (!flush_staged(now, id) && device_.can_seal(now, id)) return false;
      to->wants_flush = false;
    }
    to_flush_.pop_back();
  }
  while (!outgoing_.is_full()) {
    const auto transmit = device_.poll_transmit();
    if (!transmit) return true;
    queue(*transmit);
  }
  return false;
}

void Engine::handle_event(const wireguard::DeviceEvent& event) {
  Peer& to = peer(event.peer);
  switch (event.what) {
    case TunnelEvent::kReady:
      if (to.staged.empty() || to.wants_flush) return;
      to.wants_flush = true;
      to_flush_.push_back(event.peer);
      return;
    case TunnelEvent::kExpired:
      drops_.unstaged += to.staged.size();
      to.staged.clear();
      return;
  }
}

// The caller made sure that outgoing() is not full.
void Engine::queue(const wireguard::Transmit& transmit) {
  std::optional<SocketAddress> to;
  if (const auto* id = std::get_if<PeerId>(&transmit.to)) {
    to = peer(*id).endpoint;
    if (!has_private_key_) return;
  } else {
    to = std::get<SocketAddress>(transmit.to);
  }
  if (!to || !is_up_) return;
  const std::span<const uint8_t> bytes = transmit.datagram.bytes();
  const std::span<uint8_t> room = outgoing_.reserve(*to, Ecn::kNotEct, bytes.size());
  if (room.empty()) return;
  std::copy(bytes.begin(), bytes.end(), room.begin());
  outgoing_.commit();
}

}  // namespace connlib::wg
