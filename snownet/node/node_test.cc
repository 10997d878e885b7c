#include "snownet/node/node.h"

#include <catch2/catch.hpp>

#include "snownet/node/lab.h"

namespace connlib::snownet::node {
namespace {

using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;
using wireguard::MessageType;

TEST_CASE("two nodes meet, exchange one handshake and pass packets both ways") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  CHECK(lab.sent(MessageType::kInitiation, lab.a.mapped) == 1);
  CHECK(lab.sent(MessageType::kInitiation, lab.b.mapped) == 0);
  CHECK(lab.a.node->path_kind(kPeer) == PathKind::kPeerToPeer);
  CHECK(std::get<Encapsulated>(lab.send(lab.a, ipv6_packet(100, 1))) == Encapsulated::kSealed);
  CHECK(std::get<Encapsulated>(lab.send(lab.b, ipv6_packet(1280, 2))) == Encapsulated::kSealed);
  lab.run_for(100ms);
  REQUIRE(lab.b.packets.size() == 1);
  CHECK(lab.b.packets[0] == ipv6_packet(100, 1));
  REQUIRE(lab.a.packets.size() == 1);
  CHECK(lab.a.packets[0] == ipv6_packet(1280, 2));
}

TEST_CASE("where the direct path is closed, packets go through a relay") {
  Lab lab;
  lab.loses = [&](const auto& datagram) { return lab.is_between_ends(datagram); };
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.run_for(2s);
  const auto kind = lab.a.node->path_kind(kPeer);
  CHECK((kind == PathKind::kRelayToPeer || kind == PathKind::kPeerToRelay));
  lab.send(lab.a, ipv6_packet(1280, 1));
  lab.send(lab.b, ipv6_packet(60, 2));
  lab.run_for(100ms);
  REQUIRE(lab.b.packets.size() == 1);
  CHECK(lab.b.packets[0] == ipv6_packet(1280, 1));
  REQUIRE(lab.a.packets.size() == 1);
  CHECK(lab.a.packets[0] == ipv6_packet(60, 2));
}

}  // namespace
}  // namespace connlib::snownet::node
