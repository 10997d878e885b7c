// Whatever arrives, from wherever: a counter, and nothing else.
#include <numeric>

#include <catch2/catch.hpp>

#include "snownet/node/lab.h"

namespace connlib::snownet::node {
namespace {

using testing::Bytes;
using testing::Datagram;
using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;

struct Attack {
  Lab& lab;
  End& victim;
  SeededRandom random{99};

  // From a relay's socket, from the peer, from a stranger.
  SocketAddress source() {
    const SocketAddress sources[] = {{lab.relays[0]->ip, 3478},
                                     {lab.other(victim).mapped, 52625},
                                     {*IpAddress::parse("192.0.2.66"), 6666}};
    return sources[random.below(3)];
  }
  void strike(Bytes bytes) {
    const SocketAddress from = source();
    const Inbound inbound =
        victim.node->handle_datagram(lab.now, victim.local, from, std::span(bytes));
    CHECK_FALSE(std::holds_alternative<Delivered>(inbound));
  }
};

uint64_t total_drops(const End& end) {
  return std::accumulate(end.node->drops().begin(), end.node->drops().end(), uint64_t{0});
}

TEST_CASE("forged, mutated and random datagrams change nothing") {
  Lab lab;
  const bool relayed = GENERATE(false, true);
  if (relayed) lab.loses = [&](const Datagram& each) { return lab.is_between_ends(each); };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.send(lab.a, ipv6_packet(100));
  lab.run_for(1s);
  const std::vector<Datagram> seen = lab.seen;
  lab.b.events.clear();
  lab.b.packets.clear();
  const uint64_t drops = total_drops(lab.b);
  const auto kind = lab.b.node->path_kind(kPeer);
  Attack attack{lab, lab.b};
  for (int round = 0; round < 30; ++round) {
    for (const Datagram& each : seen) {
      Bytes bytes = each.bytes;
      const size_t at = attack.random.below(bytes.size());
      switch (attack.random.below(3)) {
        case 0:
          bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1 + attack.random.below(255)));
          break;
        case 1:
          bytes.resize(at);
          break;
        default:
          bytes.resize(bytes.size() + 1 + attack.random.below(40), 0x5a);
          break;
      }
      attack.strike(std::move(bytes));
    }
  }
  for (int i = 0; i < 5000; ++i) {
    Bytes bytes(attack.random.below(200));
    attack.random.fill(bytes);
    if (!bytes.empty() && i % 2 == 0) bytes[0] = static_cast<uint8_t>(attack.random.below(80));
    attack.strike(std::move(bytes));
  }
  lab.settle();
  CHECK(total_drops(lab.b) > drops + 5000);
  CHECK(lab.b.packets.empty());
  CHECK(lab.b.count<Failed>() + lab.b.count<Closed>() + lab.b.count<CandidateRemoved>() == 0);
  CHECK(lab.b.node->path_kind(kPeer) == kind);
  lab.send(lab.a, ipv6_packet(100, 1));
  lab.send(lab.b, ipv6_packet(100, 2));
  lab.run_for(200ms);
  CHECK(lab.b.packets.size() == 1);
  CHECK(lab.a.packets.size() == 1);
}

TEST_CASE("replayed datagrams are not delivered twice") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.send(lab.a, ipv6_packet(100));
  lab.run_for(1s);
  REQUIRE(lab.b.packets.size() == 1);
  for (const Datagram& each : lab.seen) {
    if (each.to.ip != lab.b.mapped) continue;
    Bytes bytes = each.bytes;
    const Inbound inbound = lab.b.node->handle_datagram(lab.now, lab.b.local, each.from, bytes);
    CHECK_FALSE(std::holds_alternative<Delivered>(inbound));
  }
  lab.run_for(1s);
  CHECK(lab.b.packets.size() == 1);
  CHECK(lab.b.node->is_connected(kPeer));
}

TEST_CASE("each stage names what it refuses") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  const auto stranger = *SocketAddress::parse("192.0.2.66:3478");
  const SocketAddress relay{lab.relays[0]->ip, 3478};
  const auto strike = [&](const SocketAddress& from, Bytes bytes) {
    const Inbound inbound = lab.b.node->handle_datagram(lab.now, lab.b.local, from, bytes);
    REQUIRE(std::holds_alternative<Drop>(inbound));
    return std::get<Drop>(inbound);
  };
  Bytes data(64);
  data[0] = 4;
  Bytes binding{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  CHECK(strike(stranger, {}) == Drop::kNotWireguard);
  CHECK(strike(stranger, {0x40, 0, 0, 1, 9}) == Drop::kNotWireguard);  // Not a relay of ours.
  CHECK(strike(stranger, data) == Drop::kUnknownSession);
  CHECK(strike(stranger, binding) == Drop::kUnknownCheck);
  CHECK(strike(stranger, Bytes(148, 1)) == Drop::kNotWireguard);
  Bytes initiation(148);
  initiation[0] = 1;
  CHECK(strike(stranger, initiation) == Drop::kRefusedMessage);
  CHECK(strike(relay, data) == Drop::kRefusedByAllocation);  // Relays do not speak WireGuard.
  CHECK(strike(relay, {0x4f, 0xff, 0, 1, 9}) == Drop::kRefusedByAllocation);  // Unbound.
}

TEST_CASE("candidate lines of a hostile portal are bounded and harmless") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  for (uint32_t i = 0; i < 1000; ++i) {
    const std::string line = "candidate:1 1 udp " + std::to_string(i + 1) + " 203.0." +
                             std::to_string(i % 250 + 1) + "." + std::to_string(i / 250 + 1) +
                             " 999 typ srflx ufrag bbbb";
    lab.a.node->add_remote_candidate(lab.now, kPeer, line);
    lab.a.node->add_remote_candidate(lab.now, PeerId(i + 1000), line);
    lab.a.node->add_remote_candidate(lab.now, kPeer, line.substr(0, i % line.size()));
  }
  lab.settle();
  CHECK(lab.a.node->agent(kPeer)->remote_candidates().size() <= 200);
  lab.a.packets.clear();
  lab.send(lab.b, ipv6_packet(60));
  lab.run_for(100ms);
  CHECK(lab.a.packets.size() == 1);
}

TEST_CASE("time that stands still or runs backwards is taken as no progress") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.a.node->handle_timeout(lab.now - 1h);
  lab.a.node->handle_timeout(lab.now);
  CHECK(lab.a.node->is_connected(kPeer));
  CHECK(lab.a.node->poll_timeout().at >= lab.now);
  lab.a.node->handle_timeout(lab.now + 24h);  // The machine slept.
  lab.settle();
  CHECK(lab.a.node->poll_timeout().at > lab.now + 24h);
}

}  // namespace
}  // namespace connlib::snownet::node
