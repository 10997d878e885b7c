// A program of its own: it counts every allocation of the process.
#include <catch2/catch.hpp>

#include "snownet/node/lab.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::snownet::node {
namespace {

using testing::Datagram;
using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;

// One run of `count` packets from one end to the other, as shells do it; `via` undoes what the
// relay would do. Everything of theirs lives in `from_run` and `received`.
struct Shells {
  Lab& lab;
  DatagramRun run;
  std::vector<uint8_t> received = std::vector<uint8_t>(DatagramRun::kCapacity);
  size_t delivered = 0;

  size_t seal_run(End& from, const std::vector<uint8_t>& packet, size_t count) {
    const auto opened = from.node->open_run(lab.now, kPeer);
    const auto* route = std::get_if<OutboundRoute>(&opened);
    if (route == nullptr) return 0;
    run.start(route->remote(), Ecn::kNotEct, route->source_ip());
    size_t sealed = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto room = run.reserve(from.node->datagram_bytes(*route, packet.size()));
      std::copy(packet.begin(), packet.end(), room.subspan(route->packet_offset()).begin());
      if (!from.node->seal(lab.now, *route, room, packet.size())) break;
      run.commit();
      ++sealed;
    }
    return sealed;
  }

  void receive(End& to, const SocketAddress& from) {
    std::copy(run.bytes().begin(), run.bytes().end(), received.begin());
    to.node->handle_datagrams(lab.now, to.local, from, run.segment_bytes(),
                              std::span(received).first(run.bytes().size()),
                              [this](const Delivered&) { ++delivered; });
  }
};

// A session's replay window takes its room once, for its 129th packet.
constexpr int kRoundsBefore = 5;
constexpr size_t kPacketsBefore = 130;

TEST_CASE("on a direct path runs are sealed and opened without an allocation") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  Shells shells{lab, {}};
  const auto packet = ipv6_packet(1280);
  const SocketAddress a{lab.a.mapped, lab.a.local.port};
  const SocketAddress b{lab.b.mapped, lab.b.local.port};
  size_t sealed = 0;
  const auto round = [&] {
    sealed += shells.seal_run(lab.a, packet, 32);
    shells.receive(lab.b, a);
    shells.receive(lab.b, a);  // All of it replayed.
    sealed += shells.seal_run(lab.b, packet, 32);
    shells.receive(lab.a, b);
    sealed += lab.a.node->poll_timeout().at.is_never() ? 1U : 0U;
    sealed += lab.b.node->poll_timeout().at.is_never() ? 1U : 0U;
  };
  for (int i = 0; i < kRoundsBefore; ++i) round();
  const uint64_t before = bench::allocations();
  REQUIRE(before > 0);
  for (int i = 0; i < 100; ++i) round();
  const uint64_t allocated = bench::allocations() - before;
  CHECK(allocated == 0);
  CHECK(sealed == (100 + kRoundsBefore) * 64);
  CHECK(shells.delivered == (100 + kRoundsBefore) * 64);
}

TEST_CASE("through a relay's channel runs are framed, sealed and opened without an allocation") {
  Lab lab;
  lab.loses = [&](const Datagram& each) { return lab.is_between_ends(each); };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.run_for(2s);
  // Whoever sends through its own relay frames; the other end receives from there what it frames.
  const bool a_frames = lab.a.node->path_kind(kPeer) == PathKind::kRelayToPeer;
  End& framing = a_frames ? lab.a : lab.b;
  REQUIRE(is_local_relayed(framing.node->path_kind(kPeer).value()));
  Shells shells{lab, {}};
  const auto packet = ipv6_packet(1280);
  size_t sealed = 0;
  const auto round = [&] { sealed += shells.seal_run(framing, packet, 32); };
  round();
  CHECK(shells.run.segment_bytes() == kMaxDatagramBytes);
  const uint64_t before = bench::allocations();
  for (int i = 0; i < 100; ++i) round();
  CHECK(bench::allocations() - before == 0);
  CHECK(sealed == 101 * 32);

  // Inbound: what the relay would pass on, with its header in front.
  End& other = lab.other(framing);
  REQUIRE(shells.seal_run(other, packet, 1) == 1);
  const size_t payload = shells.run.segment_bytes();
  const SocketAddress relay{lab.relays[0]->ip, 3478};
  const auto route = std::get<OutboundRoute>(framing.node->open_run(lab.now, kPeer));
  std::vector<uint8_t> header(1316);
  REQUIRE(framing.node->seal(lab.now, route, header, 1280));
  std::vector<std::vector<uint8_t>> framed;
  for (size_t i = 0; i < kPacketsBefore + 200; ++i) {
    REQUIRE(shells.seal_run(other, packet, 1) == 1);
    const auto bytes = shells.run.bytes();
    std::vector<uint8_t> one(header.begin(), header.begin() + 4);
    one.insert(one.end(), bytes.begin(), bytes.end());
    one[2] = static_cast<uint8_t>(payload >> 8);
    one[3] = static_cast<uint8_t>(payload);
    framed.push_back(std::move(one));
  }
  size_t delivered = 0;
  const auto count = [&](const Delivered&) { ++delivered; };
  for (size_t i = 0; i < kPacketsBefore; ++i) {
    framing.node->handle_datagrams(lab.now, framing.local, relay, 0, framed[i], count);
  }
  const uint64_t start = bench::allocations();
  for (size_t i = kPacketsBefore; i < framed.size(); ++i) {
    framing.node->handle_datagrams(lab.now, framing.local, relay, 0, framed[i], count);
  }
  CHECK(bench::allocations() - start == 0);
  CHECK(delivered == framed.size());
}

}  // namespace
}  // namespace connlib::snownet::node
