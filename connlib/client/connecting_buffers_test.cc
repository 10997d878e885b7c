#include "connlib/client/connecting_buffers.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::client {
namespace {

using testing::Bytes;
using testing::endpoint;

const PeerName kBerlin = GatewayId("berlin");
const PeerName kClientBerlin = ClientId("berlin");

Bytes packet(uint8_t number) {
  return testing::udp_packet(endpoint("100.64.0.7:4000"), endpoint("10.0.0.1:53"), {number});
}

TEST_CASE("what waits for a peer keeps its order and its kind") {
  ConnectingBuffers buffers(4);
  CHECK_FALSE(buffers.is_waiting(kBerlin));
  buffers.push_routed(kBerlin, packet(1));
  buffers.push_for_peer(kBerlin, packet(2));
  buffers.push_routed(kBerlin, packet(3));
  CHECK(buffers.is_waiting(kBerlin));
  const auto waiting = buffers.take(kBerlin);
  CHECK(waiting.routed == std::vector<Bytes>{packet(1), packet(3)});
  CHECK(waiting.for_peer == std::vector<Bytes>{packet(2)});
  CHECK_FALSE(buffers.is_waiting(kBerlin));
}

TEST_CASE("a gateway and a client of the same name do not share a buffer") {
  ConnectingBuffers buffers(4);
  buffers.push_routed(kBerlin, packet(1));
  CHECK_FALSE(buffers.is_waiting(kClientBerlin));
  CHECK(buffers.take(kClientBerlin).routed.empty());
}

TEST_CASE("a full buffer says that it loses packets") {
  ConnectingBuffers buffers(2);
  CHECK(buffers.push_routed(kBerlin, packet(1)));
  CHECK(buffers.push_routed(kBerlin, packet(2)));
  CHECK(buffers.push_routed(kBerlin, packet(2)));
  CHECK_FALSE(buffers.push_routed(kBerlin, packet(3)));
  CHECK(buffers.take(kBerlin).routed == std::vector<Bytes>{packet(2), packet(3)});
}

TEST_CASE("nothing is left of a peer that never connected") {
  ConnectingBuffers buffers(2);
  buffers.push_routed(kBerlin, packet(1));
  buffers.drop(kBerlin);
  CHECK(buffers.size() == 0);
  CHECK(buffers.take(kBerlin).routed.empty());
}

}  // namespace
}  // namespace connlib::client
