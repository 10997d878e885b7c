#include "connlib/client/peers.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

const PeerName kBerlin = GatewayId("berlin");
const PeerName kLaptop = ClientId("laptop");

TunnelAddresses addresses(uint8_t last) {
  Ipv6Address six{{0xfd, 0, 0x20, 0x21, 0x11, 0x11}};
  six.bytes[15] = last;
  return {Ipv4Address{{100, 64, 0, last}}, six};
}
Peer gateway(Peers& peers, const char* name, uint8_t last, const char* site = "hq") {
  const PeerName id = GatewayId(name);
  return {peers.id_of(id).value(), id, {}, addresses(last), false, GatewaySide{SiteId(site)}};
}
Peer client(Peers& peers, const char* name, uint8_t last) {
  const PeerName id = ClientId(name);
  return {peers.id_of(id).value(), id, {}, addresses(last), false, ClientSide("Laptop", {})};
}

TEST_CASE("a peer is found by number, name and both addresses until it is removed") {
  Peers peers(8);
  Peer& berlin = peers.add(gateway(peers, "berlin", 9));
  const auto id = berlin.id;
  CHECK(peers.find(kBerlin) == &berlin);
  CHECK(peers.find(id) == &berlin);
  CHECK(peers.find_at(addresses(9).ipv4) == &berlin);
  CHECK(peers.find_at(addresses(9).ipv6) == &berlin);
  peers.remove(kBerlin);
  CHECK(peers.find(kBerlin) == nullptr);
  CHECK(peers.find(id) == nullptr);
  CHECK(peers.find_at(addresses(9).ipv4) == nullptr);
  CHECK(peers.size() == 0);
}

TEST_CASE("a name keeps its number, before, while and after it is a peer") {
  Peers peers(8);
  const auto id = peers.id_of(kBerlin);
  peers.add(gateway(peers, "berlin", 9));
  CHECK(peers.id_of(kBerlin) == id);
  peers.remove(kBerlin);
  CHECK(peers.id_of(kBerlin) == id);
  CHECK(peers.id_of(kLaptop) != id);
  CHECK(peers.id_of(PeerName(ClientId("berlin"))) != id);
}

TEST_CASE("a peer that comes back with other addresses has left the old ones") {
  Peers peers(8);
  peers.add(gateway(peers, "berlin", 9));
  Peer& moved = peers.add(gateway(peers, "berlin", 10));
  CHECK(peers.find_at(addresses(9).ipv4) == nullptr);
  CHECK(peers.find_at(addresses(10).ipv4) == &moved);
  CHECK(peers.size() == 1);
}

TEST_CASE("when two peers claim one address the later has it, and keeps it when the first goes") {
  Peers peers(8);
  peers.add(gateway(peers, "berlin", 9));
  Peer& laptop = peers.add(client(peers, "laptop", 9));
  CHECK(peers.find_at(addresses(9).ipv4) == &laptop);
  peers.remove(kBerlin);
  CHECK(peers.find_at(addresses(9).ipv4) == &laptop);
}

TEST_CASE("names without a peer do not pile up, and peers keep their numbers") {
  Peers peers(2);
  peers.add(gateway(peers, "berlin", 9));
  const auto berlin = peers.id_of(kBerlin);
  const auto first = peers.id_of(PeerName(GatewayId("a")));
  for (int i = 0; i < 100; ++i) CHECK(peers.id_of(PeerName(GatewayId(std::to_string(i)))));
  CHECK(peers.id_of(kBerlin) == berlin);
  CHECK(peers.id_of(PeerName(GatewayId("a"))) != first);
  peers.add(client(peers, "laptop", 10));
  CHECK_FALSE(peers.id_of(PeerName(GatewayId("one too many"))));
}

TEST_CASE("a site is connected through any of its gateways") {
  Peers peers(8);
  Peer& first = peers.add(gateway(peers, "berlin", 9));
  Peer& second = peers.add(gateway(peers, "paris", 10));
  CHECK_FALSE(peers.has_connected_gateway(SiteId("hq")));
  first.is_connected = second.is_connected = true;
  CHECK(peers.is_connected(GatewayId("berlin")));
  peers.remove(kBerlin);
  CHECK(peers.has_connected_gateway(SiteId("hq")));
  CHECK_FALSE(peers.has_connected_gateway(SiteId("annex")));
  CHECK_FALSE(peers.is_connected(GatewayId("berlin")));
}

}  // namespace
}  // namespace connlib::client
