// From the first check to the last packet of a connection.
#include <catch2/catch.hpp>

#include "snownet/node/goodbye.h"
#include "snownet/node/lab.h"

namespace connlib::snownet::node {
namespace {

using testing::Bytes;
using testing::Datagram;
using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;
using wireguard::MessageType;

void establish(Lab& lab) {
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
}

SendFailure failure(const std::variant<Encapsulated, SendFailure>& outcome) {
  REQUIRE(std::holds_alternative<SendFailure>(outcome));
  return std::get<SendFailure>(outcome);
}

std::optional<FailureReason> reason(const End& end) {
  for (const NodeEvent& event : end.events) {
    if (const auto* failed = std::get_if<Failed>(&event)) return failed->why;
  }
  return std::nullopt;
}

// --- Setting up.

TEST_CASE("while it connects, packets are refused and no handshake is started for them") {
  Lab lab;
  lab.is_portal_down = true;
  lab.introduce();
  for (int i = 0; i < 10; ++i) {
    CHECK(failure(lab.send(lab.a, ipv6_packet(60))) == SendFailure::kStillConnecting);
    CHECK(failure(lab.send(lab.b, ipv6_packet(60))) == SendFailure::kStillConnecting);
    lab.run_for(100ms);
  }
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == 0);
  CHECK(lab.sent(MessageType::kInitiation, lab.b.mapped) == 0);
}

TEST_CASE("without any candidate a connection fails after ten seconds, once") {
  Lab lab;
  lab.is_portal_down = true;
  lab.introduce();
  lab.run_for(9900ms);
  CHECK(lab.a.count<Failed>() == 0);
  lab.run_for(200ms);
  CHECK(lab.a.count<Failed>() == 1);
  CHECK(reason(lab.a) == FailureReason::kNoCandidates);
  lab.run_for(1min);
  CHECK(lab.a.count<Failed>() == 1);
  CHECK(lab.a.node->connection_count() == 0);
  CHECK(lab.a.node->device().peer_count() == 0);
}

TEST_CASE("a connection that got through without candidates is not failed for want of them") {
  Lab lab;
  lab.mute = &lab.b;  // A hears of B by B's checks only.
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  lab.run_for(15s);
  CHECK(lab.a.node->is_connected(kPeer));
  CHECK(lab.b.node->is_connected(kPeer));
}

TEST_CASE("with another preshared key the handshake is given up in 20.4 s") {
  Lab lab;
  lab.psk_b = "not the one that the other end has";
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.sent(MessageType::kInitiation, lab.a.mapped) > 0; }, 2s));
  const Timestamp began = lab.now;
  REQUIRE(lab.run_until([&] { return lab.a.count<Failed>() > 0; }, 30s));
  CHECK(lab.now - began >= 20s);
  CHECK(lab.now - began <= 20400ms);
  CHECK(reason(lab.a) == FailureReason::kNoHandshake);
  CHECK(lab.a.count<Established>() + lab.b.count<Established>() == 0);
}

TEST_CASE("a first handshake that loses messages is repeated within a second, not after five") {
  const MessageType what = GENERATE(MessageType::kInitiation, MessageType::kResponse);
  Lab lab;
  size_t lost = 0;
  lab.loses = [&](const Datagram& datagram) {
    return wireguard::classify(datagram.bytes) == what && ++lost <= 2;
  };
  lab.introduce();
  CHECK(lab.run_until([&] { return lab.is_established(); }, 2500ms));
}

TEST_CASE("where a round trip takes long, the first handshake waits for it") {
  Lab lab({.latency = 400ms});
  lab.list_relays(lab.a);
  lab.list_relays(lab.b);
  lab.run_for(6s);
  lab.upsert(lab.b);
  lab.upsert(lab.a);
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 8s));
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == 1);
  CHECK(lab.sent(MessageType::kInitiation, lab.b.mapped) == 0);
}

TEST_CASE("the responder is established by the initiator's first data, not by its initiation") {
  Lab lab;
  // The initiator's keepalive and everything else that is data gets lost.
  lab.loses = [](const Datagram& datagram) {
    return wireguard::classify(datagram.bytes) == MessageType::kData;
  };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.a.count<Established>() == 1; }, 2s));
  lab.run_for(1s);
  CHECK(lab.b.count<Established>() == 0);
  CHECK(failure(lab.send(lab.b, ipv6_packet(60))) == SendFailure::kStillConnecting);
  lab.loses = [](const Datagram&) { return false; };
  lab.send(lab.a, ipv6_packet(60));
  lab.run_for(100ms);
  CHECK(lab.b.count<Established>() == 1);
  CHECK(lab.b.packets.size() == 1);
}

// Meanwhile its allocation has expired, too: whatever that stirs up, the tunnel is what counts.
TEST_CASE("whoever wakes up after ten minutes begins no handshake for what is dead") {
  Lab lab({.relays = 2});
  lab.loses = [&](const Datagram& datagram) { return lab.is_between_ends(datagram); };
  establish(lab);
  lab.run_for(20s);
  const size_t before = lab.sent(MessageType::kInitiation, lab.a.mapped);
  lab.now += 10min;
  lab.a.node->handle_timeout(lab.now);
  lab.settle();
  CHECK(reason(lab.a) == FailureReason::kNoHandshake);
  CHECK(lab.a.node->connection_count() == 0);
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == before);
}

// --- Packets.

TEST_CASE("a packet longer than the inner MTU is refused") {
  Lab lab;
  establish(lab);
  CHECK(failure(lab.send(lab.a, ipv6_packet(1281))) == SendFailure::kTooLarge);
  CHECK(lab.send(lab.a, ipv6_packet(1280)).index() == 0);
  const auto opened = lab.a.node->open_run(lab.now, kPeer);
  const auto& route = std::get<OutboundRoute>(opened);
  Bytes room(4096);
  CHECK_FALSE(lab.a.node->seal(lab.now, route, room, 1281));
}

TEST_CASE("the datagram of a packet carries its congestion mark, also when it had to wait") {
  Lab lab;
  establish(lab);
  lab.send(lab.a, ipv6_packet(60, 0, Ecn::kEct0));
  CHECK(lab.seen.back().ecn == Ecn::kEct0);
  lab.run_for(172s);
  CHECK(std::get<Encapsulated>(lab.send(lab.a, ipv6_packet(60, 1, Ecn::kCe))) ==
        Encapsulated::kSealed);
  CHECK(lab.seen.back().ecn == Ecn::kCe);
}

TEST_CASE("runs hold packets of one route and one mark; anything else says so") {
  Lab lab;
  establish(lab);
  DatagramRun run;
  Node& node = *lab.a.node;
  const auto put = [&](size_t bytes, Ecn ecn) {
    return std::get<Encapsulated>(
        node.encapsulate(lab.now, kPeer, ipv6_packet(bytes, 9, ecn), run));
  };
  CHECK(put(1280, Ecn::kNotEct) == Encapsulated::kSealed);
  CHECK(put(1280, Ecn::kNotEct) == Encapsulated::kSealed);
  CHECK(put(1280, Ecn::kCe) == Encapsulated::kRunMismatch);
  CHECK(put(60, Ecn::kNotEct) == Encapsulated::kSealed);
  CHECK(put(60, Ecn::kNotEct) == Encapsulated::kRunMismatch);  // A shorter one ended the run.
  CHECK(run.segments() == 3);
  CHECK(run.segment_bytes() == 1312);

  Bytes received(run.bytes().begin(), run.bytes().end());
  std::vector<size_t> sizes;
  lab.b.node->handle_datagrams(
      lab.now, lab.b.local, {lab.a.mapped, lab.a.local.port}, run.segment_bytes(), received,
      [&](const Delivered& delivered) { sizes.push_back(delivered.packet.size()); });
  CHECK(sizes == std::vector<size_t>{1280, 1280, 60});
}

TEST_CASE("a route outlived by its connection seals nothing") {
  Lab lab;
  establish(lab);
  const auto route = std::get<OutboundRoute>(lab.a.node->open_run(lab.now, kPeer));
  Bytes datagram(lab.a.node->datagram_bytes(route, 100));
  CHECK(lab.a.node->seal(lab.now, route, datagram, 100));
  lab.a.node->remove_connection(lab.now, kPeer);
  CHECK_FALSE(lab.a.node->seal(lab.now, route, datagram, 100));
  CHECK(lab.a.node->datagram_bytes(route, 100) == 0);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);  // In the same place.
  CHECK_FALSE(lab.a.node->seal(lab.now, route, datagram, 100));
}

TEST_CASE("packets in the window between keys wait for the new ones, in order, sixteen of them") {
  Lab lab;
  establish(lab);
  lab.run_for(172s);  // The initiator sends for 170 s and renews after 180 s.
  for (uint8_t i = 0; i < 16; ++i) {
    CHECK(std::get<Encapsulated>(lab.send(lab.a, ipv6_packet(60, i))) == Encapsulated::kQueued);
  }
  CHECK(failure(lab.send(lab.a, ipv6_packet(60, 99))) == SendFailure::kNoSession);
  lab.run_for(100ms);
  REQUIRE(lab.b.packets.size() == 16);
  for (uint8_t i = 0; i < 16; ++i) CHECK(lab.b.packets[i].back() == i);
  CHECK(lab.send(lab.a, ipv6_packet(60, 17)).index() == 0);
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == 2);
}

TEST_CASE("a response goes back where the initiation came from, whatever path is selected") {
  Lab lab;
  establish(lab);
  lab.run_for(21s);
  Datagram initiation;
  lab.loses = [&](const Datagram& datagram) {
    if (wireguard::classify(datagram.bytes) != MessageType::kInitiation) return false;
    initiation = datagram;
    return true;
  };
  lab.upsert(lab.a);
  REQUIRE_FALSE(initiation.bytes.empty());
  const auto elsewhere = *SocketAddress::parse("203.0.113.77:4444");
  lab.b.node->handle_datagram(lab.now, lab.b.local, elsewhere, initiation.bytes);
  const auto answer = lab.b.node->poll_transmit();
  REQUIRE(answer.has_value());
  CHECK(wireguard::classify(answer->bytes) == MessageType::kResponse);
  CHECK(answer->to == elsewhere);
  CHECK(answer->source == lab.b.local);
}

TEST_CASE("through a relay a response goes back through that relay") {
  Lab lab;
  lab.loses = [&](const Datagram& datagram) { return lab.is_between_ends(datagram); };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.run_for(21s);
  const size_t before = lab.sent(MessageType::kResponse, lab.b.mapped);
  lab.upsert(lab.a);
  lab.run_for(200ms);
  CHECK(lab.sent(MessageType::kResponse, lab.b.mapped) == before + 1);
  for (const Datagram& each : lab.seen) CHECK_FALSE((each.to.port == 0));
}

TEST_CASE("under load a cookie goes back to the source, and the handshake completes with it") {
  Lab lab({.node = {.device = {.limits = {.per_node = 0}}}});
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 12s));
  CHECK(lab.sent(MessageType::kCookieReply, lab.b.mapped) > 0);
}

// --- Idle.

TEST_CASE("after twenty quiet seconds both ends check every 25 s, and a packet wakes them") {
  Lab lab;
  establish(lab);
  lab.run_for(30s);
  CHECK(lab.a.node->state(kPeer) == ConnectionState::kIdle);
  CHECK(lab.b.node->state(kPeer) == ConnectionState::kIdle);
  lab.seen.clear();
  lab.run_for(100s);
  size_t from_a = 0;
  for (const Datagram& each : lab.seen) {
    from_a += each.from.ip == lab.a.mapped && each.to.ip == lab.b.mapped ? 1U : 0U;
  }
  CHECK(from_a >= 4);
  CHECK(from_a <= 20);
  lab.send(lab.a, ipv6_packet(60));
  CHECK(lab.a.node->state(kPeer) == ConnectionState::kConnected);
  lab.run_for(50ms);
  CHECK(lab.b.node->state(kPeer) == ConnectionState::kConnected);
  CHECK(lab.b.packets.size() == 1);
}

TEST_CASE("twelve idle minutes later the first packet arrives") {
  Lab lab;
  const bool relayed = GENERATE(false, true);
  CAPTURE(relayed);
  if (relayed) lab.loses = [&](const Datagram& each) { return lab.is_between_ends(each); };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  for (int round = 0; round < 2; ++round) {
    lab.run_for(12min);
    lab.b.packets.clear();
    lab.send(lab.a, ipv6_packet(60, 1));
    lab.run_for(1s);
    CHECK(lab.b.packets.size() == 1);
  }
  CHECK(lab.a.node->is_connected(kPeer));
}

TEST_CASE("a peer that vanishes is noticed in 18.5 s by the client, awake or woken") {
  Lab lab;
  establish(lab);
  const bool is_idle = GENERATE(false, true);
  lab.run_for(is_idle ? 60s : 5s);
  lab.loses = [](const Datagram&) { return true; };
  const Timestamp began = lab.now;
  lab.send(lab.a, ipv6_packet(60));
  REQUIRE(lab.run_until([&] { return lab.a.count<Failed>() == 1; }, 40s));
  CHECK(lab.now - began < 20500ms);
}

// --- Endings.

TEST_CASE("closing says goodbye to the peer, which then removes its half silently") {
  Lab lab;
  establish(lab);
  lab.b.node->close_connection(lab.now, kPeer);
  lab.settle();
  CHECK(lab.b.count<Closed>() == 1);
  CHECK(lab.b.node->connection_count() == 0);
  lab.run_for(50ms);
  REQUIRE(lab.a.packets.size() == 1);
  CHECK(is_goodbye(lab.a.packets[0]));
  lab.a.node->remove_connection(lab.now, kPeer);
  lab.settle();
  CHECK(lab.a.count<Closed>() + lab.a.count<Failed>() == 0);
  CHECK(lab.a.node->connection_count() == 0);
  lab.run_for(1min);
  CHECK(lab.b.count<Closed>() == 1);
}

TEST_CASE("closing a connection that still connects is silent") {
  Lab lab;
  lab.is_portal_down = true;
  lab.introduce();
  lab.a.node->close_all(lab.now);
  lab.settle();
  CHECK(lab.a.count<Closed>() == 0);
  CHECK(lab.a.node->connection_count() == 0);
}

TEST_CASE("for five seconds what belonged to a connection is told from what never belonged here") {
  Lab lab;
  establish(lab);
  lab.b.node->remove_connection(lab.now, kPeer);
  CHECK(failure(lab.send(lab.b, ipv6_packet(60))) == SendFailure::kRecentlyDisconnected);
  lab.send(lab.a, ipv6_packet(60));
  lab.run_for(3s);  // Some checks come, too.
  const uint64_t recent = lab.b.drops(Drop::kRecentlyDisconnected);
  CHECK(recent >= 3);
  CHECK(lab.b.drops(Drop::kUnknownCheck) == 0);
  CHECK(lab.b.drops(Drop::kUnknownSession) == 0);
  lab.run_for(3s);
  lab.send(lab.a, ipv6_packet(60));
  lab.run_for(3s);
  CHECK(lab.b.drops(Drop::kUnknownCheck) > 0);
  CHECK(lab.b.drops(Drop::kUnknownSession) > 0);
  CHECK(failure(lab.send(lab.b, ipv6_packet(60))) == SendFailure::kUnknownPeer);
}

TEST_CASE("statistics tell when a path and keys were there, and bytes per kind of path") {
  Lab lab;
  establish(lab);
  lab.send(lab.a, ipv6_packet(100));
  lab.run_for(50ms);
  const ConnectionStatistics* a = lab.a.node->statistics(kPeer);
  const ConnectionStatistics* b = lab.b.node->statistics(kPeer);
  REQUIRE(a != nullptr);
  REQUIRE(b != nullptr);
  REQUIRE(a->until_selected.has_value());
  REQUIRE(a->until_established.has_value());
  CHECK(*a->until_selected < *a->until_established);
  CHECK(a->bytes_sent[index(PathKind::kPeerToPeer)] == 100);
  CHECK(b->bytes_received[index(PathKind::kPeerToPeer)] == 100);
  CHECK(lab.a.node->connections_by_path()[index(PathKind::kPeerToPeer)] == 1);
  lab.a.node->remove_connection(lab.now, kPeer);
  CHECK(lab.a.node->connections_by_path() == ByPathKind<size_t>{});
}

TEST_CASE("equal seeds and inputs give equal bytes") {
  const auto run = [](uint64_t seed) {
    Lab lab({.seed = seed, .relays = 2});
    lab.introduce();
    lab.run_for(3s);
    lab.send(lab.a, ipv6_packet(100));
    lab.run_for(200s);
    Bytes all;
    for (const Datagram& each : lab.seen)
      all.insert(all.end(), each.bytes.begin(), each.bytes.end());
    return all;
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

}  // namespace
}  // namespace connlib::snownet::node
