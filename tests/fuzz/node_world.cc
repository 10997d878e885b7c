#include "tests/fuzz/node_world.h"

#include <algorithm>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "snownet/node/goodbye.h"

namespace connlib::fuzz {
namespace {

using namespace snownet::node;  // NOLINT(google-build-using-namespace): the words of this file.
using snownet::relay::testing::kDate;
using snownet::relay::testing::kStart;
using snownet::relay::testing::TestRelay;

constexpr size_t kMaxOnWire = 256;
constexpr size_t kMaxOutputs = 20'000;  // Of one input.
constexpr size_t kIdOffset = 40;        // Behind the IPv6 header.
constexpr Duration kLatency = 10ms;

}  // namespace

NodeWorld::End::End(uint64_t seed, const char* local_in, const SocketAddress& mapped_in,
                    LateCandidates policy)
    : local(*SocketAddress::parse(local_in)),
      mapped(mapped_in),
      locals{local},
      random(seed),
      node({.late_candidates = policy}, kDate, random, null_tracer(), kStart),
      told(kStart) {}

NodeWorld::NodeWorld(LateCandidates policy)
    : now_(kStart),
      a_(1, "192.168.1.2:40001", snownet::relay::testing::kAlice, policy),
      b_(2, "10.0.0.2:40002", snownet::relay::testing::kBob, policy) {
  for (size_t relay = 0; relay < kRelays; ++relay) reboot(relay);
}

SocketAddress NodeWorld::relay_socket(size_t relay) {
  return {Ipv4Address{{5, 9, 10, static_cast<uint8_t>(11 + relay)}}, 3478};
}

// --- The owners

void NodeWorld::introduce() {
  for (const Side side : {Side::kA, Side::kB}) {
    list_relays(side, {}, {listing(side, 0), listing(side, 1)});
  }
  run_cleanly(1s);
  for (const Side side : {Side::kB, Side::kA}) upsert(side, kPeer, options_for(side));
}

NodeWorld::ConnectionOptions NodeWorld::options_for(Side side) const {
  const auto credentials = [](Side of) {
    return *snownet::ice::Credentials::of(
        of == Side::kA ? "aaaa" : "bbbb",
        of == Side::kA ? "aaaaaaaaaaaaaaaaaaaaaa" : "bbbbbbbbbbbbbbbbbbbbbb");
  };
  return {.key = end(other(side)).node.public_key(),
          .psk = {},
          .local = credentials(side),
          .remote = credentials(other(side)),
          .role = side == Side::kA ? snownet::ice::Role::kControlling
                                   : snownet::ice::Role::kControlled};
}

void NodeWorld::upsert(Side side, PeerId peer, ConnectionOptions options) {
  End& one = end(side);
  const Upserted outcome = one.node.upsert_connection(told(one), peer, std::move(options));
  const bool is_new = outcome == Upserted::kCreated || outcome == Upserted::kReplaced;
  CONNLIB_CHECK(!one.connections.contains(peer) || outcome != Upserted::kCreated);
  if (is_new) one.connections[peer] = false;
  settle_both();
}

NodeWorld::RelayListing NodeWorld::listing(Side side, size_t relay) const {
  const absl::Time expires = kDate + absl::Nanoseconds((now_ - kStart).count()) + absl::Hours(24);
  const std::string username =
      std::to_string(absl::ToUnixSeconds(expires)) + (side == Side::kA ? ":salt-a" : ":salt-b");
  const snownet::stun::RelayPassword password(*snownet::stun::RelayUsername::parse(username),
                                              snownet::relay::testing::kStampSecret);
  return {RelayId("relay-" + std::to_string(relay)),
          {.v4 = relay_socket(relay)},
          username,
          std::string(snownet::stun::kRelayRealm),
          std::string(password.text())};
}

void NodeWorld::list_relays(Side side, const std::vector<size_t>& removed,
                            const std::vector<RelayListing>& listed) {
  std::vector<RelayId> ids;
  for (const size_t relay : removed) ids.emplace_back("relay-" + std::to_string(relay));
  end(side).node.update_relays(told(end(side)), ids, listed);
  settle_both();
}

void NodeWorld::close(Side side, PeerId peer) {
  End& one = end(side);
  one.node.close_connection(told(one), peer);
  drain(side);  // Closed, of one that was connected.
  one.connections.erase(peer);
  settle_both();
}

void NodeWorld::remove(Side side, PeerId peer) {
  End& one = end(side);
  one.node.remove_connection(told(one), peer);
  one.connections.erase(peer);
  settle_both();
}

void NodeWorld::close_all(Side side) {
  End& one = end(side);
  one.node.close_all(told(one));
  drain(side);
  one.connections.clear();
  settle_both();
}

void NodeWorld::reset(Side side, ResetKind kind) {
  end(side).node.reset(told(end(side)), kind);
  settle_both();
}

void NodeWorld::roam(Side side) {
  End& one = end(side);
  auto ip = *one.local.ip.v4();
  ip.bytes[3] = static_cast<uint8_t>(2 + (ip.bytes[3] + 1) % 4);
  one.local.ip = ip;
  one.locals.insert(one.local);
}

void NodeWorld::send(Side from, PeerId to, size_t packet_bytes) {
  End& one = end(from);
  Bytes packet(std::clamp(packet_bytes, kIdOffset + 8, kMaxPacketBytes + 1));
  packet[0] = 0x60;
  store_be16(&packet[4], static_cast<uint16_t>(packet.size() - kIdOffset));
  packet[6] = 59;
  const uint64_t id = next_packet_++;
  store_be64(&packet[kIdOffset], id);
  packets_.emplace(id, Packet{from, packet});
  DatagramRun run;
  const auto outcome = one.node.encapsulate(told(one), to, packet, run);
  const auto* sealed = std::get_if<Encapsulated>(&outcome);
  CONNLIB_CHECK(run.empty() == (sealed == nullptr || *sealed != Encapsulated::kSealed));
  if (!run.empty()) transmit(one.mapped, run.remote(), {run.bytes().begin(), run.bytes().end()});
  settle_both();
}

// --- The portal

void NodeWorld::add_line(Side to, PeerId peer, const std::string& line) {
  end(to).node.add_remote_candidate(told(end(to)), peer, line);
  settle_both();
}

void NodeWorld::remove_line(Side to, PeerId peer, const std::string& line) {
  end(to).node.remove_remote_candidate(told(end(to)), peer, line);
  settle_both();
}

void NodeWorld::signal(Side from, const NodeEvent& event) {
  if (signals_.size() == kMaxOnWire) signals_.pop_front();
  if (const auto* added = std::get_if<CandidateAdded>(&event)) {
    signals_.push_back({other(from), false, now_ + kLatency, added->line});
  } else if (const auto* removed = std::get_if<CandidateRemoved>(&event)) {
    signals_.push_back({other(from), true, now_ + kLatency, removed->line});
  }
}

void NodeWorld::deliver(const Signal& signal) {
  if (signal.is_removal) {
    remove_line(signal.to, kPeer, signal.line);
  } else {
    add_line(signal.to, kPeer, signal.line);
  }
}

template <typename Queue>
auto NodeWorld::take(Queue& queue, size_t pick) {
  const auto at = queue.begin() + static_cast<std::ptrdiff_t>(pick % queue.size());
  auto taken = std::move(*at);
  queue.erase(at);
  return taken;
}

void NodeWorld::deliver_signal(size_t pick) {
  if (!signals_.empty()) deliver(take(signals_, pick));
}

void NodeWorld::drop_signal(size_t pick) {
  if (!signals_.empty()) take(signals_, pick);
}

// --- The wire

void NodeWorld::transmit(const SocketAddress& from, const SocketAddress& to, Bytes bytes) {
  const auto is_end = [this](const SocketAddress& one) {
    return one == a_.mapped || one == b_.mapped;
  };
  if (!is_direct_open_ && is_end(from) && is_end(to)) return;
  if (wire_.size() == kMaxOnWire) wire_.pop_front();
  wire_.push_back({from, to, now_ + kLatency, std::move(bytes)});
  if (log_.size() == kMaxOnWire) log_.pop_front();
  log_.push_back(wire_.back());
}

void NodeWorld::deliver(size_t pick) {
  if (!wire_.empty()) arrive(take(wire_, pick));
}

void NodeWorld::drop(size_t pick) {
  if (!wire_.empty()) take(wire_, pick);
}

void NodeWorld::replay(size_t pick) {
  if (!log_.empty()) arrive(log_[pick % log_.size()]);
}

void NodeWorld::corrupt(size_t pick, size_t offset, uint8_t flip) {
  if (wire_.empty()) return;
  Bytes& bytes = wire_[pick % wire_.size()].bytes;
  if (!bytes.empty()) bytes[offset % bytes.size()] ^= flip;
}

void NodeWorld::inject(Side to, const SocketAddress& source, size_t segment_bytes, Bytes bytes) {
  receive(to, source, segment_bytes, std::move(bytes));
}

void NodeWorld::arrive(Datagram datagram) {
  for (size_t relay = 0; relay < kRelays; ++relay) {
    if (datagram.to.ip == relay_socket(relay).ip) return arrive_at_relay(relay, datagram);
  }
  for (const Side side : {Side::kA, Side::kB}) {
    if (datagram.to == end(side).mapped) receive(side, datagram.from, 0, datagram.bytes);
  }
}

void NodeWorld::arrive_at_relay(size_t relay, const Datagram& datagram) {
  TestRelay& one = *relays_[relay];
  one.now = now_;
  const auto socket = relay_socket(relay);
  if (datagram.to != socket) {
    const uint16_t port = datagram.to.port;
    if (!one.ports.contains(port)) return;
    if (const auto out = one.to_client(port, datagram.from, datagram.bytes)) {
      Bytes framed(snownet::stun::kChannelDataHeaderBytes);
      snownet::stun::write_channel_data_header(
          std::span(framed).first<snownet::stun::kChannelDataHeaderBytes>(), out->channel,
          datagram.bytes.size());
      framed.insert(framed.end(), datagram.bytes.begin(), datagram.bytes.end());
      transmit(socket, out->client, std::move(framed));
    }
    return;
  }
  const auto reply = one.receive(datagram.from, datagram.bytes);
  if (const auto* out = std::get_if<snownet::relay::ToPeer>(&one.last)) {
    for_each_payload(*out, [&](std::span<const uint8_t> payload) {
      transmit({socket.ip, out->port}, out->peer, {payload.begin(), payload.end()});
    });
  }
  if (!reply) return;
  const auto bytes = reply->response.bytes();
  transmit(socket, reply->response.to, {bytes.begin(), bytes.end()});
}

void NodeWorld::receive(Side to, const SocketAddress& from, size_t segment_bytes, Bytes bytes) {
  End& one = end(to);
  std::vector<PeerId> leaving;
  one.node.handle_datagrams(told(one), one.local, from, segment_bytes, bytes,
                            [&](const Delivered& delivered) {
                              CONNLIB_CHECK(one.connections.contains(delivered.from));
                              if (is_goodbye(delivered.packet)) {
                                leaving.push_back(delivered.from);
                              } else {
                                check_delivered(to, delivered.packet);
                              }
                            });
  drain(to);
  for (const PeerId peer : leaving) remove(to, peer);
  settle_both();
}

void NodeWorld::check_delivered(Side to, std::span<const uint8_t> packet) {
  CONNLIB_CHECK(packet.size() >= kIdOffset + 8);
  const auto sent = packets_.find(load_be64(packet.data() + kIdOffset));
  CONNLIB_CHECK(sent != packets_.end());
  CONNLIB_CHECK(sent->second.from == other(to));
  CONNLIB_CHECK(std::equal(packet.begin(), packet.end(), sent->second.bytes.begin(),
                           sent->second.bytes.end()));
  CONNLIB_CHECK(!std::exchange(sent->second.is_delivered, true));
  ++end(to).delivered;
}

// --- Relays and time

void NodeWorld::reboot(size_t relay) {
  snownet::relay::ServerOptions options;
  options.public_v4 = *relay_socket(relay).ip.v4();
  relays_[relay] = std::make_unique<TestRelay>(options, 100 + ++reboots_);
  relays_[relay]->now = now_;
}

Timestamp NodeWorld::told(End& end) { return end.told = std::max(end.told, now_ - lag_); }

void NodeWorld::drain(Side side) {
  End& one = end(side);
  size_t outputs = 0;
  while (auto event = one.node.poll_event()) {
    CONNLIB_CHECK(++outputs <= kMaxOutputs);
    check_event(side, *event);
    signal(side, *event);
  }
  while (auto out = one.node.poll_transmit()) {
    CONNLIB_CHECK(++outputs <= kMaxOutputs);
    CONNLIB_CHECK(!out->source || one.locals.contains(*out->source));
    CONNLIB_CHECK(out->bytes.size() <= kMaxDatagramBytes);
    if (!out->source || *out->source == one.local) {
      transmit(one.mapped, out->to, std::move(out->bytes));
    }
  }
}

void NodeWorld::settle(Side side) {
  End& one = end(side);
  drain(side);
  const Timestamp now = told(one);
  if (one.node.poll_timeout().at <= now) {
    one.node.handle_timeout(now);
    drain(side);
  }
  CONNLIB_CHECK(one.node.poll_timeout().at > now);
  check_counts(one);
}

void NodeWorld::settle_both() {
  settle(Side::kA);
  settle(Side::kB);
}

void NodeWorld::check_event(Side side, const NodeEvent& event) {
  auto& connections = end(side).connections;
  if (const auto* added = std::get_if<CandidateAdded>(&event)) {
    CONNLIB_CHECK(connections.contains(added->peer));
  } else if (const auto* removed = std::get_if<CandidateRemoved>(&event)) {
    CONNLIB_CHECK(connections.contains(removed->peer));
  } else if (const auto* established = std::get_if<Established>(&event)) {
    CONNLIB_CHECK(connections.contains(established->peer));
    CONNLIB_CHECK(!std::exchange(connections[established->peer], true));
  } else if (const auto* failed = std::get_if<Failed>(&event)) {
    CONNLIB_CHECK(connections.erase(failed->peer) == 1);
  } else if (const auto* closed = std::get_if<Closed>(&event)) {
    CONNLIB_CHECK(connections.erase(closed->peer) == 1);
  }
}

void NodeWorld::check_counts(const End& end) const {
  CONNLIB_CHECK(end.node.connection_count() == end.connections.size());
  CONNLIB_CHECK(end.node.device().peer_count() == end.connections.size());
  std::array<size_t, kPathKinds> paths{};
  for (const auto& [peer, is_established] : end.connections) {
    if (const auto kind = end.node.path_kind(peer)) ++paths[index(*kind)];
  }
  CONNLIB_CHECK(paths == end.node.connections_by_path());
}

void NodeWorld::advance(Duration step) {
  now_ += step;
  for (auto& relay : relays_) relay->advance(now_ - relay->now);
  settle_both();
}

Timestamp NodeWorld::next_event() {
  Timestamp next = std::min(a_.node.poll_timeout().at, b_.node.poll_timeout().at);
  for (const Datagram& datagram : wire_) next = std::min(next, datagram.arrives);
  for (const Signal& signal : signals_) next = std::min(next, signal.arrives);
  return next;
}

void NodeWorld::deliver_due() {
  const auto take_due = [this](auto& queue) {
    std::decay_t<decltype(queue)> due;
    const auto is_later = [this](const auto& each) { return each.arrives > now_; };
    const auto first = std::stable_partition(queue.begin(), queue.end(), is_later);
    std::move(first, queue.end(), std::back_inserter(due));
    queue.erase(first, queue.end());
    return due;
  };
  for (const Signal& signal : take_due(signals_)) deliver(signal);
  for (Datagram& datagram : take_due(wire_)) arrive(std::move(datagram));
}

void NodeWorld::run_cleanly(Duration span) {
  lag_ = 0ns;
  const Timestamp until = now_ + span;
  settle_both();
  size_t rounds = 0;
  for (Timestamp next = next_event(); next <= until; next = next_event()) {
    CONNLIB_CHECK(++rounds < 100'000);
    advance(std::max(next, now_) - now_);
    deliver_due();
  }
  advance(until - now_);
}

void NodeWorld::heal() {
  lag_ = 0ns;
  is_direct_open_ = true;
  wire_.clear();
  signals_.clear();
  settle_both();
  for (const Side side : {Side::kA, Side::kB}) {
    while (!end(side).connections.empty()) remove(side, end(side).connections.begin()->first);
    list_relays(side, {0, 1}, {listing(side, 0), listing(side, 1)});
  }
  run_cleanly(20s);
  for (const Side side : {Side::kB, Side::kA}) upsert(side, kPeer, options_for(side));
  run_cleanly(5s);
  const uint64_t before_a = a_.delivered;
  const uint64_t before_b = b_.delivered;
  send(Side::kA, kPeer, 100);
  send(Side::kB, kPeer, 100);
  run_cleanly(1s);
  CONNLIB_CHECK(a_.delivered == before_a + 1 && b_.delivered == before_b + 1);
}

}  // namespace connlib::fuzz
