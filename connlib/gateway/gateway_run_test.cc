// Runs of packets through the gateway: many at once, sealed where they lie.
#include <catch2/catch.hpp>

#include "connlib/gateway/lab.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;
using snownet::node::Encapsulated;

struct World : Lab {
  LabClient& alice = add_client("alice", 7);
  LabClient& bob = add_client("bob", 8);

  World() {
    REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
    REQUIRE(authorize(bob, cidr("lab", "10.0.0.0/8")));
    connect(alice);
    connect(bob);
  }
  Bytes answer(const char* to = "100.64.0.7:50000", size_t bytes = 100) {
    return tcp_packet(endpoint("10.1.2.3:80"), endpoint(to), {}, Bytes(bytes));
  }
  // seal() does with one packet what a shell does with each part of a super-packet.
  bool seal(const GatewayRoute& route, const Bytes& packet, DatagramRun& run) {
    const auto datagram = run.reserve(gateway->datagram_bytes(route, packet.size()));
    REQUIRE_FALSE(datagram.empty());
    std::copy(packet.begin(), packet.end(), datagram.subspan(route.path.packet_offset()).begin());
    if (!gateway->seal(now, route, datagram, packet.size())) return false;
    run.commit();
    return true;
  }
};

TEST_CASE_METHOD(World, "the parts of a super-packet are sealed where they lie") {
  Bytes first = answer();
  const auto route = std::get<GatewayRoute>(gateway->open_run(now, first));
  DatagramRun run;
  run.start(route.path.remote(), Ecn::kNotEct, route.path.source_ip());
  for (int i = 0; i < 5; ++i) REQUIRE(seal(route, answer(), run));
  CHECK(run.segments() == 5);
  Bytes bytes(run.bytes().begin(), run.bytes().end());
  for_each_segment(bytes, run.segment_bytes(), [&](std::span<uint8_t> datagram) {
    transmit(gateway_socket, run.remote(), {datagram.begin(), datagram.end()});
  });
  run_for(50ms);
  REQUIRE(alice.packets.size() == 5);
  for (const Bytes& packet : alice.packets) CHECK(packet == answer());
}

TEST_CASE_METHOD(World,
                 "a run to one client does not carry packets for another, nor forbidden ones") {
  Bytes first = answer();
  const auto route = std::get<GatewayRoute>(gateway->open_run(now, first));
  DatagramRun run;
  run.start(route.path.remote(), Ecn::kNotEct, route.path.source_ip());
  CHECK_FALSE(seal(route, answer("100.64.0.8:50000"), run));
  CHECK_FALSE(
      seal(route, tcp_packet(endpoint("172.16.0.1:80"), endpoint("100.64.0.7:50000")), run));
  CHECK(run.empty());
  CHECK(unroutable(Unroutable::kNotAllowed) == 1);
}

TEST_CASE_METHOD(World,
                 "packets for two clients do not share a run, and the second is left as it was") {
  DatagramRun run;
  Bytes first = answer();
  REQUIRE(std::get<Encapsulated>(gateway->encapsulate(now, first, run)) == Encapsulated::kSealed);
  Bytes second = answer("100.64.0.8:50000");
  CHECK(std::get<Encapsulated>(gateway->encapsulate(now, second, run)) ==
        Encapsulated::kRunMismatch);
  CHECK(second == answer("100.64.0.8:50000"));
  CHECK(run.segments() == 1);
  run.clear();
  CHECK(std::get<Encapsulated>(gateway->encapsulate(now, second, run)) == Encapsulated::kSealed);
}

TEST_CASE_METHOD(World, "one bad packet does not end the batch") {
  const auto good = tcp_packet(endpoint("100.64.0.7:50000"), endpoint("10.1.2.3:80"));
  const auto bad = tcp_packet(endpoint("100.64.0.8:50000"), endpoint("10.1.2.3:80"));
  DatagramRun run;
  for (const Bytes& packet : {good, bad, good}) {
    REQUIRE(std::get<Encapsulated>(alice.node->encapsulate(now, PeerId(1), packet, run)) ==
            Encapsulated::kSealed);
  }
  Bytes bytes(run.bytes().begin(), run.bytes().end());
  SocketAddress from = alice.socket;
  std::vector<Bytes> passed;
  gateway->handle_datagrams(
      now, gateway_socket, from, run.segment_bytes(), bytes,
      [&](std::span<uint8_t> packet) { passed.emplace_back(packet.begin(), packet.end()); });
  CHECK(passed == std::vector<Bytes>{good, good});
  run_for(50ms);
  CHECK(alice.packets.size() == 1);  // Told about the bad one.
}

TEST_CASE_METHOD(World, "a batch of lies is answered within a limit") {
  const auto lie = udp_packet(endpoint("100.64.0.7:50000"), endpoint("172.16.0.1:80"));
  for (int round = 0; round < 2; ++round) {
    DatagramRun run;
    while (run.segments() < DatagramRun::kMaxSegments) {
      REQUIRE(std::get<Encapsulated>(alice.node->encapsulate(now, PeerId(1), lie, run)) ==
              Encapsulated::kSealed);
    }
    Bytes bytes(run.bytes().begin(), run.bytes().end());
    gateway->handle_datagrams(now, gateway_socket, alice.socket, run.segment_bytes(), bytes,
                              [](std::span<uint8_t>) {});
  }
  run_for(50ms);
  CHECK(unroutable(Unroutable::kNotAllowed) == 2 * DatagramRun::kMaxSegments);
  CHECK(alice.packets.size() <= 2 * kMaxReplies);
  CHECK(tun.empty());
}

}  // namespace
}  // namespace connlib::gateway
