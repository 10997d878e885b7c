#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wireguard/tunnel/device.h"

namespace connlib::wireguard::testing {

// An odd hour, never zero.
inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);

inline std::vector<uint8_t> ipv4_packet(size_t bytes, uint8_t fill = 0x42) {
  std::vector<uint8_t> packet(bytes, fill);
  packet[0] = 0x45;
  packet[2] = static_cast<uint8_t>(bytes >> 8);
  packet[3] = static_cast<uint8_t>(bytes);
  return packet;
}

// End is one device of a Pair with one peer, and a record of what it did.
struct End {
  End(uint64_t seed, const PrivateKey& key, DeviceOptions options)
      : random(seed),
        device(key, options, kStart, absl::FromUnixSeconds(1'700'000'000), random, null_tracer()) {}
  SeededRandom random;
  Device device;
  PeerId peer{0};
  SocketAddress address;
  std::vector<std::vector<uint8_t>> delivered;
  std::vector<DeviceEvent> events;
};

// A datagram on its way, for a test's wire to keep, change or drop.
struct InFlight {
  Timestamp arrives;
  bool to_b;
  std::vector<uint8_t> bytes;
};

// Pair is two devices on a virtual clock with a wire between them. `filter` may change or drop
// (return false) each datagram; a log keeps "time side message" lines for comparison.
class Pair {
 public:
  explicit Pair(uint64_t seed = 1, TunnelConfig config = {}, DeviceOptions options = {})
      : seeds_(seed),
        a(seeds_.next_u64(), PrivateKey(seeds_.bytes<32>()), options),
        b(seeds_.next_u64(), PrivateKey(seeds_.bytes<32>()), options),
        now(kStart) {
    const auto psk = seeds_.bytes<32>();
    a.peer = *a.device.add_peer(now, b.device.public_key(), PresharedKey(psk), config);
    b.peer = *b.device.add_peer(now, a.device.public_key(), PresharedKey(psk), config);
    a.address = {Ipv4Address{{192, 0, 2, 1}}, 51820};
    b.address = {Ipv4Address{{192, 0, 2, 2}}, 51820};
  }

  // send() seals one packet; false without a session.
  bool send(End& from, const std::vector<uint8_t>& packet) {
    std::vector<uint8_t> datagram(from.device.sealed_bytes(from.peer, packet.size()));
    std::copy(packet.begin(), packet.end(), datagram.begin() + kDataHeaderBytes);
    if (!from.device.seal(now, from.peer, datagram, packet.size())) return false;
    launch(from, std::move(datagram));
    return true;
  }

  void launch(const End& from, std::vector<uint8_t> datagram) {
    log(from, datagram);
    InFlight flight{now + latency, &from == &a, std::move(datagram)};
    if (!filter || filter(flight)) wire.push_back(std::move(flight));
  }

  void drain(End& end) {
    while (const auto event = end.device.poll_event()) end.events.push_back(*event);
    while (auto out = end.device.poll_transmit()) {
      const auto bytes = out->datagram.bytes();
      launch(end, {bytes.begin(), bytes.end()});
    }
  }

  Inbound receive(End& end, std::vector<uint8_t> bytes) {
    const auto& source = &end == &a ? b.address : a.address;
    const Inbound result = end.device.handle_datagram(now, source, bytes);
    if (const auto* packet = std::get_if<Delivered>(&result)) {
      end.delivered.emplace_back(packet->packet.begin(), packet->packet.end());
    }
    return result;
  }

  // run_until() moves the clock from event to event. With `step` it polls on a grid instead.
  void run_until(Timestamp end, Duration step = 0ns) {
    for (;;) {
      settle();
      Timestamp next =
          step > 0ns
              ? std::min(next_arrival(), now + step)
              : std::min({next_arrival(), a.device.poll_timeout().at, b.device.poll_timeout().at});
      if (next > end) break;
      now = std::max(now, next);
      a.device.handle_timeout(now);
      b.device.handle_timeout(now);
      deliver();
    }
    now = std::max(now, end);
    a.device.handle_timeout(now);
    b.device.handle_timeout(now);
    settle();
  }
  void run_for(Duration span, Duration step = 0ns) { run_until(now + span, step); }

  // connect() completes a handshake started by `initiator`, confirmation included.
  void connect(End& initiator) {
    initiator.device.start_handshake(now, initiator.peer);
    run_for(1s);
  }

  size_t count(const End& from, MessageType type) const {
    size_t n = 0;
    for (const auto& entry : sent)
      n += entry.from_a == (&from == &a) && entry.type == type ? 1u : 0u;
    return n;
  }

  struct Sent {
    Timestamp at;
    bool from_a;
    MessageType type;
    size_t bytes;
  };
  std::vector<Sent> sent;

 private:
  SeededRandom seeds_;

 public:
  End a;
  End b;
  Timestamp now;
  Duration latency = 10ms;
  std::function<bool(InFlight&)> filter;
  std::deque<InFlight> wire;

 private:
  void log(const End& from, const std::vector<uint8_t>& datagram) {
    const auto type = classify(datagram);
    if (type) sent.push_back({now, &from == &a, *type, datagram.size()});
  }
  Timestamp next_arrival() const {
    Timestamp next = Timestamp::never();
    for (const auto& flight : wire) next = std::min(next, flight.arrives);
    return next;
  }
  void deliver() {
    std::deque<InFlight> later;
    std::deque<InFlight> due;
    for (auto& flight : wire) (flight.arrives <= now ? due : later).push_back(std::move(flight));
    wire = std::move(later);
    for (auto& flight : due) receive(flight.to_b ? b : a, std::move(flight.bytes));
  }
  void settle() {
    drain(a);
    drain(b);
  }
};

}  // namespace connlib::wireguard::testing
