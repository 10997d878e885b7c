#include "connlib/gateway/gateway_state.h"

#include <catch2/catch.hpp>

#include "connlib/gateway/lab.h"
#include "snownet/node/goodbye.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;
using snownet::node::Encapsulated;
using snownet::node::kGoodbyePacket;

constexpr Filter kHttp{Filter::Protocol::kTcp, 80, 80};
constexpr Filter kSsh{Filter::Protocol::kTcp, 22, 22};

const Bytes kRequest = tcp_packet(endpoint("100.64.0.7:50000"), endpoint("10.1.2.3:80"));
const Bytes kAnswer = tcp_packet(endpoint("10.1.2.3:80"), endpoint("100.64.0.7:50000"));
const Bytes kGoodbye{kGoodbyePacket.begin(), kGoodbyePacket.end()};

template <typename Message>
size_t told(const Lab& lab) {
  size_t n = 0;
  for (const GatewayEvent& event : lab.events) {
    const auto* to_portal = std::get_if<ToPortal>(&event);
    if (to_portal != nullptr && std::holds_alternative<Message>(to_portal->message)) ++n;
  }
  return n;
}

bool passes(Lab& lab, LabClient& client, const Bytes& packet) {
  const size_t before = lab.tun.size();
  lab.send(client, packet);
  return lab.tun.size() == before + 1 && lab.tun.back() == packet;
}

// ICMP "administratively prohibited" is what makes a client ask for access again.
bool is_told_prohibited(const LabClient& client) {
  if (client.packets.empty()) return false;
  const Bytes& last = client.packets.back();
  return last.size() >= 28 && last[9] == kProtocolIcmpv4 && last[20] == 3 && last[21] == 13;
}

TEST_CASE("a granted client reaches its network, and the answer reaches the client") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8", {kHttp})));
  lab.connect(alice);
  CHECK(passes(lab, alice, kRequest));
  CHECK(std::get<Encapsulated>(lab.from_tun(kAnswer)) == Encapsulated::kSealed);
  REQUIRE(alice.packets.size() == 1);
  CHECK(alice.packets[0] == kAnswer);
}

TEST_CASE("an authorization is acknowledged before any candidate for its client") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  const size_t before = lab.events.size();
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  const auto* first = std::get_if<ToPortal>(&lab.events.at(before));
  REQUIRE(first != nullptr);
  CHECK(first->message == portal::FromGateway(portal::AuthorizationAcknowledged{"alice/lab"}));
  CHECK(told<portal::BroadcastCandidates>(lab) > 0);
}

TEST_CASE("without relays the portal is told so, once, and nothing is acknowledged") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  lab.tell(portal::RelaysPresence{{RelayId("relay")}, {}});
  const size_t before = told<portal::NoRelays>(lab);
  const auto message = [&] {
    return lab.authorization(alice, cidr("lab", "10.0.0.0/8"), std::nullopt);
  };
  lab.gateway->handle_portal_message(lab.now, message());
  lab.gateway->handle_portal_message(lab.now, message());
  lab.settle();
  CHECK(told<portal::NoRelays>(lab) == before + 1);
  CHECK(told<portal::AuthorizationAcknowledged>(lab) == 0);
  CHECK(lab.gateway->client_count() == 0);
}

TEST_CASE("what cannot be granted is not acknowledged and leaves nothing behind") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  auto message = lab.authorization(alice, cidr("lab", "10.0.0.0/8"), std::nullopt);
  SECTION("an address outside the range of tunnels") {
    message.client.addresses.ipv4.bytes = {10, 0, 0, 7};
  }
  SECTION("an IPv6 address outside the range of tunnels") {
    message.client.addresses.ipv6.bytes[0] = 0x20;
  }
  SECTION("the gateway's own address") { message.client.addresses.ipv4 = kOwn.ipv4; }
  SECTION("a connection without ICE") { message.use_iceless = true; }
  SECTION("credentials that are none") { message.client_ice.username = "\xff"; }
  SECTION("a key that agrees with nothing") { message.client.public_key = PublicKey{}; }
  lab.tell(std::move(message));
  CHECK(told<portal::AuthorizationAcknowledged>(lab) == 0);
  CHECK(lab.gateway->client_count() == 0);
  CHECK(lab.gateway->node().connection_count() == 0);
}

TEST_CASE("nothing is granted before the portal has said who we are") {
  SeededRandom random(1);
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  GatewayState young({}, kDate, random, null_tracer(), lab.now);
  young.handle_portal_message(lab.now,
                              lab.authorization(alice, cidr("lab", "10.0.0.0/8"), std::nullopt));
  CHECK_FALSE(young.poll_event().has_value());
  CHECK(young.client_count() == 0);
}

TEST_CASE("the interface is reported once, and again when the portal moves it") {
  Lab lab;
  const auto count = [&] {
    size_t n = 0;
    for (const auto& event : lab.events) n += std::holds_alternative<InterfaceChanged>(event);
    return n;
  };
  CHECK(count() == 1);
  lab.tell(lab.init());
  CHECK(count() == 1);
  auto moved = lab.init();
  moved.interface.ipv4.bytes[3] = 99;
  lab.tell(std::move(moved));
  CHECK(count() == 2);
}

TEST_CASE("access ends at its expiry, though nobody woke us in time") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8"), 1h));
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  lab.connect(alice);
  CHECK(passes(lab, alice, kRequest));
  CHECK(lab.gateway->poll_timeout().at <= kStart + 2h);

  // No handle_timeout() in between: the packet itself finds the grant over.
  lab.run_for(59min);
  CHECK(passes(lab, alice, kRequest));
  lab.run_for(1min);
  CHECK_FALSE(passes(lab, alice, kRequest));
  CHECK(is_told_prohibited(alice));
  CHECK(lab.gateway->client_count() == 1);
}

TEST_CASE("when the last grant expires the client gets a goodbye and the connection ends") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8"), 1min));
  lab.connect(alice);
  lab.run_for(61s);
  CHECK(lab.gateway->client_count() == 0);
  CHECK(lab.gateway->node().connection_count() == 0);
  REQUIRE_FALSE(alice.packets.empty());
  CHECK(alice.packets.back() == kGoodbye);
}

TEST_CASE("a grant that was over when it came gives nothing") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8"), -1h));
  lab.connect(alice);
  CHECK_FALSE(passes(lab, alice, kRequest));
  CHECK(is_told_prohibited(alice));
}

TEST_CASE("authorizing again prolongs access and changes its filters") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8", {kSsh}), 1min));
  lab.connect(alice);
  CHECK_FALSE(passes(lab, alice, kRequest));
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8", {kHttp}), 1h));
  lab.run_for(10min);
  CHECK(passes(lab, alice, kRequest));
}

TEST_CASE("revoking one of two grants leaves the other and the connection") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  lab.connect(alice);
  lab.tell(portal::RejectAccess{alice.id, ResourceId("other")});
  CHECK(passes(lab, alice, kRequest));
  lab.tell(portal::RejectAccess{alice.id, ResourceId("never granted")});
  lab.tell(portal::RejectAccess{ClientId("nobody"), ResourceId("lab")});
  CHECK(passes(lab, alice, kRequest));

  // The last one, said twice.
  lab.tell(portal::RejectAccess{alice.id, ResourceId("lab")});
  lab.tell(portal::RejectAccess{alice.id, ResourceId("lab")});
  lab.run_for(100ms);
  CHECK(lab.gateway->client_count() == 0);
  REQUIRE_FALSE(alice.packets.empty());
  CHECK(alice.packets.back() == kGoodbye);
}

TEST_CASE("an empty list after a portal's restart revokes everything") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  LabClient& bob = lab.add_client("bob", 8);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  REQUIRE(lab.authorize(bob, cidr("lab", "10.0.0.0/8")));
  lab.tell(lab.init());
  CHECK(lab.gateway->client_count() == 0);
}

TEST_CASE("a list keeps what it names under its expiry, and creates nothing") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  LabClient& bob = lab.add_client("bob", 8);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  REQUIRE(lab.authorize(bob, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  auto init = lab.init();
  const absl::Time soon = kDate + absl::FromChrono(lab.now - kStart) + absl::Minutes(10);
  init.authorizations.push_back({alice.id, ResourceId("lab"), soon});
  init.authorizations.push_back({alice.id, ResourceId("new"), soon});
  init.authorizations.push_back({ClientId("carol"), ResourceId("lab"), soon});
  lab.tell(std::move(init));
  CHECK(lab.gateway->client_count() == 1);
  CHECK(passes(lab, alice, kRequest));
  CHECK_FALSE(passes(lab, alice, tcp_packet(endpoint("100.64.0.7:1"), endpoint("172.16.0.1:80"))));
  lab.run_for(11min);
  CHECK(lab.gateway->client_count() == 0);
}

TEST_CASE("new filters reach everybody who is connected, at once") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8", {kHttp})));
  lab.connect(alice);
  CHECK(passes(lab, alice, kRequest));
  lab.tell(portal::GatewayResourceUpdated{cidr("lab", "10.0.0.0/8", {kSsh})});
  CHECK_FALSE(passes(lab, alice, kRequest));
  // An update cannot move a resource, and one that nobody holds means nothing.
  lab.tell(portal::GatewayResourceUpdated{cidr("lab", "0.0.0.0/0")});
  lab.tell(portal::GatewayResourceUpdated{cidr("elsewhere", "0.0.0.0/0")});
  CHECK_FALSE(passes(lab, alice, kRequest));
  CHECK_FALSE(passes(lab, alice, tcp_packet(endpoint("100.64.0.7:1"), endpoint("8.8.8.8:22"))));
}

TEST_CASE("grants outlive the connection, so that a client that comes back goes on") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  lab.connect(alice);
  alice.node->remove_connection(lab.now, PeerId(1));  // It is gone without a word.
  lab.run_for(30min);
  CHECK(lab.gateway->node().connection_count() == 0);
  CHECK(lab.gateway->client_count() == 1);

  // One authorization connects it again; the other grant is still there.
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  lab.connect(alice);
  CHECK(passes(lab, alice, kRequest));
}

TEST_CASE("a client that says goodbye is forgotten without an answer") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  lab.send(alice, kGoodbye);
  CHECK(lab.gateway->client_count() == 0);
  CHECK(lab.gateway->node().connection_count() == 0);
  CHECK(lab.tun.empty());
  CHECK(alice.packets.empty());
}

TEST_CASE("a client whose addresses changed starts over, on the same connection") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  alice.addresses.ipv4.bytes[3] = 70;
  REQUIRE(lab.authorize(alice, cidr("other", "172.16.0.0/12")));
  lab.run_for(100ms);
  CHECK(alice.established == 1);
  CHECK_FALSE(passes(lab, alice, kRequest));
  CHECK(passes(lab, alice, tcp_packet(endpoint("100.64.0.70:1"), endpoint("172.16.0.1:80"))));
  CHECK_FALSE(passes(lab, alice, tcp_packet(endpoint("100.64.0.70:1"), endpoint("10.1.2.3:80"))));
}

TEST_CASE("an address that the portal gives to another client leaves its former owner") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  LabClient& bob = lab.add_client("bob", 8);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  bob.addresses.ipv4 = alice.addresses.ipv4;
  REQUIRE(lab.authorize(bob, cidr("lab", "10.0.0.0/8")));
  lab.connect(bob);
  CHECK(lab.gateway->client_count() == 1);
  CHECK(alice.packets.back() == kGoodbye);
  CHECK(std::get<Encapsulated>(lab.from_tun(kAnswer)) == Encapsulated::kSealed);
  CHECK(bob.packets.back() == kAnswer);
}

TEST_CASE("while the portal is away candidates wait, and access goes on") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  LabClient& bob = lab.add_client("bob", 8);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  lab.gateway->handle_portal_connection(lab.now, false);
  CHECK(passes(lab, alice, kRequest));

  lab.gateway->handle_portal_message(
      lab.now, lab.authorization(bob, cidr("lab", "10.0.0.0/8"), std::nullopt));
  lab.run_for(1s);
  CHECK(bob.candidates_told == 0);
  const size_t messages = told<portal::BroadcastCandidates>(lab);
  lab.gateway->handle_portal_connection(lab.now, true);
  lab.run_for(1s);
  CHECK(bob.candidates_told > 0);
  CHECK(told<portal::BroadcastCandidates>(lab) == messages + 1);  // In one piece.
}

TEST_CASE("shutting down says goodbye to every client") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  LabClient& bob = lab.add_client("bob", 8);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8")));
  REQUIRE(lab.authorize(bob, cidr("lab", "10.0.0.0/8")));
  lab.connect(alice);
  lab.connect(bob);
  lab.gateway->shut_down(lab.now);
  lab.run_for(100ms);
  CHECK(lab.gateway->client_count() == 0);
  CHECK(alice.packets.back() == kGoodbye);
  CHECK(bob.packets.back() == kGoodbye);
}

TEST_CASE("an idle gateway sleeps until the first grant expires") {
  Lab lab;
  LabClient& alice = lab.add_client("alice", 7);
  REQUIRE(lab.authorize(alice, cidr("lab", "10.0.0.0/8"), 300ms));
  lab.settle();
  CHECK(lab.gateway->poll_timeout().at <= lab.now + 300ms);
  lab.gateway->handle_timeout(lab.now + 300ms);
  CHECK(lab.gateway->client_count() == 0);
}

}  // namespace
}  // namespace connlib::gateway
