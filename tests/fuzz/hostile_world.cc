#include "tests/fuzz/hostile_world.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "tests/support/start_time.h"

namespace connlib::fuzz {

using wireguard::Delivered;
using wireguard::kDataHeaderBytes;
using wireguard::MessageType;

namespace {

using connlib::testing::kStart;
constexpr Duration kLatency = 10ms;
constexpr size_t kMaxOnWire = 64;
constexpr size_t kMaxLog = 256;
constexpr size_t kMaxIndices = 6;    // Two attempts, four sessions.
constexpr size_t kMaxTransmits = 4;  // Per input: initiation, response, keepalive, cookie reply.
constexpr size_t kIdOffset = 20;     // Of a packet's number, behind the IPv4 header.
constexpr size_t kMinPacketBytes = kIdOffset + 8;

// The bytes that the sender's keys vouch for. MACs are keyed with a public key, and the indices of
// handshake messages are covered by nothing else.
std::span<const uint8_t> covered_bytes(std::span<const uint8_t> datagram) {
  const auto type = wireguard::classify(datagram);
  if (type == MessageType::kInitiation) return datagram.subspan(8, 108);
  if (type == MessageType::kResponse) return datagram.subspan(12, 48);
  return datagram;
}

std::string covered(std::span<const uint8_t> datagram) {
  const auto bytes = covered_bytes(datagram);
  return {bytes.begin(), bytes.end()};
}

HostileWorld::Bytes copy_of(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

HostileWorld::End::End(uint64_t seed, const Options& options)
    : random(seed),
      device(wireguard::PrivateKey(random.bytes<32>()), options.device, kStart,
             absl::FromUnixSeconds(1'700'000'000), random, null_tracer()) {}

HostileWorld::HostileWorld(const Options& options)
    : options_(options), now_(kStart), a_(1, options), b_(2, options) {
  a_.address = {Ipv4Address{{192, 0, 2, 1}}, 51820};
  b_.address = {Ipv4Address{{192, 0, 2, 2}}, 51820};
  add_peer(Side::kA);
  add_peer(Side::kB);
}

void HostileWorld::add_peer(Side side) {
  const auto peer =
      end(side).device.add_peer(now_, end(other(side)).device.public_key(), {}, options_.tunnel);
  CONNLIB_CHECK(peer.ok());
  end(side).peer = *peer;
  end(side).last_initiation = Timestamp::never();
}

// --- Ends

// An instant from the past means nothing to a device that has seen a later one.
Timestamp HostileWorld::told(Side side) {
  if (lag_ > 0ns) end(side).device.handle_timeout(now_);
  return now_ - lag_;
}

HostileWorld::Bytes HostileWorld::new_packet(Side from, size_t bytes) {
  bytes = std::max(bytes, kMinPacketBytes);
  Bytes packet(bytes, static_cast<uint8_t>(next_packet_));
  packet[0] = 0x45;
  store_be16(packet.data() + 2, static_cast<uint16_t>(bytes));
  store_be64(packet.data() + kIdOffset, next_packet_);
  packets_[next_packet_++] = {from, packet};
  return packet;
}

bool HostileWorld::send(Side from, size_t packet_bytes) {
  End& sender = end(from);
  const Bytes packet = new_packet(from, packet_bytes);
  Bytes datagram(sender.device.sealed_bytes(sender.peer, packet.size()));
  std::copy(packet.begin(), packet.end(), datagram.begin() + kDataHeaderBytes);
  const Timestamp now = told(from);
  const bool could = sender.device.can_seal(now, sender.peer);
  const bool did = sender.device.seal(now, sender.peer, datagram, packet.size());
  CONNLIB_CHECK(could == did);
  if (did) transmit(from, datagram);
  settle(from);
  return did;
}

void HostileWorld::start_handshake(Side side) {
  end(side).wants_handshake = true;
  end(side).device.start_handshake(told(side), end(side).peer);
  settle(side);
  end(side).wants_handshake = false;
}

void HostileWorld::set_persistent_keepalive(Side side, Duration interval) {
  end(side).wants_handshake = true;
  end(side).device.set_persistent_keepalive(told(side), end(side).peer, interval);
  settle(side);
  end(side).wants_handshake = false;
}

void HostileWorld::forget_sessions(Side side) {
  end(side).device.forget_sessions(end(side).peer);
  settle(side);
}

void HostileWorld::rebuild(Side side) {
  end(side).device.remove_peer(end(side).peer);
  CONNLIB_CHECK(end(side).device.index_count() == 0);
  add_peer(side);
  settle(side);
}

// --- Wire

void HostileWorld::transmit(Side from, std::span<const uint8_t> bytes) {
  check_sent(end(from), bytes);
  Datagram datagram{other(from), now_ + kLatency, copy_of(bytes)};
  log_.push_back(datagram);
  if (log_.size() > kMaxLog) log_.pop_front();
  wire_.push_back(std::move(datagram));
  if (wire_.size() > kMaxOnWire) wire_.pop_front();
}

void HostileWorld::check_sent(End& from, std::span<const uint8_t> bytes) {
  const auto type = wireguard::classify(bytes);
  CONNLIB_CHECK(type.has_value());
  from.made.insert(covered(bytes));
  if (const auto data = wireguard::DataHeader::parse(bytes)) {
    CONNLIB_CHECK(from.nonces.emplace(data->receiver.value(), data->counter).second);
  }
  if (type == MessageType::kInitiation) {
    CONNLIB_CHECK(from.wants_handshake || from.last_initiation.is_never() ||
                  now_ - from.last_initiation >= options_.tunnel.rekey_timeout);
    from.last_initiation = now_;
  }
}

void HostileWorld::receive(Side to, const std::optional<SocketAddress>& source, Bytes bytes) {
  End& receiver = end(to);
  const Bytes arrived = bytes;
  const Snapshot before = snapshot(to);
  const auto result = receiver.device.handle_datagram(told(to), source, bytes);
  if (const auto* delivered = std::get_if<Delivered>(&result)) {
    CONNLIB_CHECK(delivered->from == receiver.peer);
    check_accepted(to, arrived);
    check_delivered(to, delivered->packet);
  } else if (const auto* why = std::get_if<wireguard::Drop>(&result)) {
    check_dropped(to, source, before, *why);
  } else {
    check_accepted(to, arrived);
  }
  settle(to);
}

void HostileWorld::inject(Side to, const std::optional<SocketAddress>& source, Bytes bytes) {
  receive(to, source, std::move(bytes));
}

void HostileWorld::check_accepted(Side to, std::span<const uint8_t> bytes) {
  const std::string proof = covered(bytes);
  CONNLIB_CHECK(end(other(to)).made.contains(proof));
  if (wireguard::classify(bytes) == MessageType::kInitiation) {
    CONNLIB_CHECK(end(to).accepted_initiations.insert(proof).second);
  }
}

void HostileWorld::check_dropped(Side to, const std::optional<SocketAddress>& source,
                                 const Snapshot& before, wireguard::Drop why) {
  CONNLIB_CHECK(why != wireguard::Drop::kMalformedInner);  // Neither end sends such a packet.
  End& receiver = end(to);
  if (why == wireguard::Drop::kUnderLoad) {
    const auto reply = receiver.device.poll_transmit();
    CONNLIB_CHECK(!reply || std::get<SocketAddress>(reply->to) == source);
    if (reply) transmit(to, reply->datagram.bytes());
  }
  Snapshot expected = before;
  ++expected.drops;
  CONNLIB_CHECK(snapshot(to) == expected);
}

HostileWorld::Snapshot HostileWorld::snapshot(Side side) {
  End& one = end(side);
  const wireguard::Tunnel& tunnel = one.device.tunnel(one.peer);
  const wireguard::TunnelStats& stats = tunnel.stats();
  Snapshot out;
  out.counts = {stats.tx_bytes,
                stats.rx_bytes,
                stats.tx_packets,
                stats.rx_packets,
                stats.handshakes_initiated,
                stats.handshakes_answered};
  out.indices = one.device.index_count();
  out.last_sent = tunnel.memory().last_sent;
  out.last_accepted = tunnel.memory().last_accepted;
  out.last_handshake = stats.last_handshake;
  out.wakeup = one.device.poll_timeout().at;
  for (const uint64_t count : one.device.drops()) out.drops += count;
  out.can_seal = one.device.can_seal(now_, one.peer);
  return out;
}

void HostileWorld::check_delivered(Side to, std::span<const uint8_t> packet) {
  CONNLIB_CHECK(packet.size() >= kMinPacketBytes);
  const auto sent = packets_.find(load_be64(packet.data() + kIdOffset));
  CONNLIB_CHECK(sent != packets_.end());
  CONNLIB_CHECK(sent->second.from == other(to));
  CONNLIB_CHECK(std::equal(packet.begin(), packet.end(), sent->second.bytes.begin(),
                           sent->second.bytes.end()));
  CONNLIB_CHECK(!sent->second.is_delivered);
  sent->second.is_delivered = true;
  ++end(to).delivered;
}

HostileWorld::Datagram HostileWorld::take(size_t pick) {
  const auto at = wire_.begin() + static_cast<std::ptrdiff_t>(pick % wire_.size());
  Datagram datagram = std::move(*at);
  wire_.erase(at);
  return datagram;
}

void HostileWorld::deliver(size_t pick) {
  if (wire_.empty()) return;
  Datagram datagram = take(pick);
  receive(datagram.to, std::move(datagram.bytes));
}

void HostileWorld::drop(size_t pick) {
  if (!wire_.empty()) take(pick);
}

void HostileWorld::duplicate(size_t pick) {
  if (wire_.empty() || wire_.size() == kMaxOnWire) return;
  const Datagram copy = picked(pick);
  wire_.push_back(copy);
}

void HostileWorld::corrupt(size_t pick, size_t offset, uint8_t flip) {
  if (wire_.empty()) return;
  Bytes& bytes = picked(pick).bytes;
  if (!bytes.empty()) bytes[offset % bytes.size()] ^= flip;
}

void HostileWorld::resize(size_t pick, size_t bytes) {
  if (!wire_.empty()) picked(pick).bytes.resize(bytes);
}

void HostileWorld::reflect(size_t pick) {
  if (wire_.empty()) return;
  picked(pick).to = other(picked(pick).to);
}

void HostileWorld::replay(size_t pick) {
  if (log_.empty()) return;
  const Datagram& old = log_[pick % log_.size()];
  receive(old.to, old.bytes);
}

// --- Time

void HostileWorld::settle(Side side) {
  End& one = end(side);
  if (one.device.poll_timeout().at <= now_) one.device.handle_timeout(now_);
  size_t outputs = 0;
  while (one.device.poll_event()) CONNLIB_CHECK(++outputs <= kMaxTransmits);
  outputs = 0;
  while (const auto out = one.device.poll_transmit()) {
    CONNLIB_CHECK(++outputs <= kMaxTransmits);
    transmit(side, out->datagram.bytes());
  }
  CONNLIB_CHECK(one.device.poll_timeout().at > now_);
  CONNLIB_CHECK(one.device.index_count() <= kMaxIndices);
}

void HostileWorld::settle_both() {
  settle(Side::kA);
  settle(Side::kB);
}

void HostileWorld::advance(Duration step) {
  now_ += step;
  settle_both();
}

void HostileWorld::advance_to_next_timeout() {
  const Timestamp next = std::min(a_.device.poll_timeout().at, b_.device.poll_timeout().at);
  if (next.is_never()) return;
  now_ = std::max(now_, next);
  settle_both();
}

Timestamp HostileWorld::next_event() {
  Timestamp next = std::min(a_.device.poll_timeout().at, b_.device.poll_timeout().at);
  for (const Datagram& datagram : wire_) next = std::min(next, datagram.arrives);
  return next;
}

void HostileWorld::deliver_due() {
  std::deque<Datagram> due;
  const auto is_later = [&](const Datagram& datagram) { return datagram.arrives > now_; };
  const auto first_due = std::stable_partition(wire_.begin(), wire_.end(), is_later);
  std::move(first_due, wire_.end(), std::back_inserter(due));
  wire_.erase(first_due, wire_.end());
  for (Datagram& datagram : due) receive(datagram.to, std::move(datagram.bytes));
}

void HostileWorld::run_cleanly(Duration span) {
  const Timestamp until = now_ + span;
  for (Timestamp next = next_event(); next <= until; next = next_event()) {
    now_ = std::max(now_, next);
    settle_both();
    deliver_due();
  }
  advance(until - now_);
}

void HostileWorld::heal(Duration bound) {
  lag_ = 0ns;
  const uint64_t before_a = a_.delivered;
  const uint64_t before_b = b_.delivered;
  wire_.clear();
  const Timestamp until = now_ + bound;
  while (a_.delivered == before_a || b_.delivered == before_b) {
    CONNLIB_CHECK(now_ < until);
    for (const Side side : {Side::kA, Side::kB}) {
      if (!send(side, 100)) start_handshake(side);
    }
    run_cleanly(250ms);
  }
}

}  // namespace connlib::fuzz
