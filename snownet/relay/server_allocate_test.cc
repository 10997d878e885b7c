// Stories about the life of an allocation.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::snownet::relay::testing {
namespace {

using std::chrono::seconds;
using stun::Method;

TEST_CASE("a dual allocation has one port in both families and expires once") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  const auto reply = alice.allocate_dual();
  REQUIRE(reply->code() == 0);
  const auto v4 = reply->message().xor_relayed_address(IpFamily::kV4);
  const auto v6 = reply->message().xor_relayed_address(IpFamily::kV6);
  REQUIRE((v4 && v6));
  CHECK(v4->port == v6->port);
  CHECK(v6->ip == IpAddress(kPublic6));
  CHECK(relay.ports == std::set<uint16_t>{v4->port});

  relay.advance(600s - 1ns);
  CHECK(relay.server.allocation_count() == 1);
  relay.advance(1ns);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.closes == 1);
  CHECK(relay.ports.empty());
  CHECK(relay.server.free_port_count() == 16384);
  CHECK(relay.server.poll_timeout().at.is_never());
}

TEST_CASE("a refresh replaces the deadline, it does not add to it") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.allocate()->code() == 0);
  relay.advance(100s);
  REQUIRE(alice.refresh(1000)->code() == 0);
  REQUIRE(alice.refresh(30)->code() == 0);
  CHECK(relay.server.poll_timeout().at == relay.now + 30s);
  relay.advance(30s);
  CHECK(alice.refresh()->code() == 437);
}

TEST_CASE("lifetimes are capped, and only zero is raised") {
  auto [asked, granted] = GENERATE(table<int, int>(
      {{0, 600}, {1, 1}, {599, 599}, {601, 601}, {3600, 3600}, {3601, 3600}, {10000000, 3600}}));
  CAPTURE(asked);
  TestRelay relay;
  TestClient alice(relay, kAlice);
  const int lifetime = asked;
  const auto reply = alice.allocate([&](auto& b) { b.add_lifetime(seconds(lifetime)); });
  CHECK(reply->message().lifetime() == seconds(granted));
  CHECK(relay.server.poll_timeout().at == relay.now + seconds(granted));
  if (asked == 0) return;
  CHECK(alice.refresh(asked)->message().lifetime() == seconds(granted));
}

TEST_CASE("Refresh 0 deletes at once, with all channels, and a later tick has nothing to say") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.allocate()->code() == 0);
  REQUIRE(alice.bind(0x4000, kPeer)->code() == 0);
  const auto reply = alice.refresh(0);
  CHECK(reply->code() == 0);
  CHECK(reply->message().lifetime() == seconds(0));
  CHECK(relay.bindings.empty());
  CHECK(relay.ports.empty());
  CHECK(alice.refresh(0)->code() == 437);

  relay.now += 2h;
  relay.server.handle_timeout(relay.now);
  CHECK_FALSE(relay.server.poll_command().has_value());
  CHECK_FALSE(relay.server.poll_transmit().has_value());
}

TEST_CASE(
    "a second Allocate from the same socket is a mismatch, a repeated one is answered again") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  alice.next_id = stun::TransactionId{{7, 7, 7}};
  const auto first = alice.allocate();
  REQUIRE(first->code() == 0);
  const auto again = alice.allocate();  // The answer got lost; the same transaction asks again.
  REQUIRE(again.has_value());
  CHECK(std::equal(first->response.bytes().begin(), first->response.bytes().end(),
                   again->response.bytes().begin(), again->response.bytes().end()));
  CHECK(relay.opens == 1);
  alice.next_id = stun::TransactionId{{8, 8, 8}};
  CHECK(alice.allocate()->code() == 437);
}

TEST_CASE("a client whose credentials were renewed deletes its old allocation under its new name") {
  TestRelay relay;
  TestClient before(relay, kAlice, "before");
  REQUIRE(before.allocate()->code() == 0);
  TestClient after(relay, kAlice, "after");
  CHECK(after.allocate()->code() == 437);
  CHECK(after.refresh(0)->code() == 0);
  CHECK(after.allocate()->code() == 0);
}

TEST_CASE("one user has a few allocations; one more frees the oldest") {
  ServerOptions options = dual_stack();
  options.limits.allocations_per_user = 2;
  TestRelay relay(options);
  std::vector<TestClient> sockets;
  for (uint16_t port = 1000; port < 1003; ++port) {
    sockets.emplace_back(relay, SocketAddress{kAlice.ip, port});
    REQUIRE(sockets.back().allocate()->code() == 0);
    relay.advance(1s);
  }
  CHECK(relay.server.allocation_count() == 2);
  CHECK(sockets[0].refresh()->code() == 437);
  CHECK(sockets[1].refresh()->code() == 0);
  CHECK(sockets[2].refresh()->code() == 0);

  TestClient other(relay, kBob, "somebody else");
  CHECK(other.allocate()->code() == 0);
  CHECK(relay.server.allocation_count() == 3);
}

TEST_CASE("a NAT that flips ports back and forth leaves no channel behind that collides") {
  ServerOptions options = dual_stack();
  options.limits.allocations_per_user = 1;
  TestRelay relay(options);
  const SocketAddress flipped{kAlice.ip, 40007};
  for (int round = 0; round < 6; ++round) {
    TestClient alice(relay, round % 2 == 0 ? kAlice : flipped);
    CAPTURE(round);
    REQUIRE(alice.allocate()->code() == 0);
    REQUIRE(alice.bind(0x4000, round % 3 == 0 ? kPeer : at("93.184.216.35:51820"))->code() == 0);
    CHECK(relay.bindings.size() == 1);
    CHECK(relay.server.is_consistent());
  }
}

TEST_CASE("each refusal of Allocate comes in the order of the specification") {
  ServerOptions options = dual_stack();
  options.public_v6.reset();
  TestRelay relay(options);
  TestClient alice(relay, kAlice);
  const auto code = [&](uint8_t transport, int requested, int additional) {
    return alice
        .request(Method::kAllocate,
                 [&](auto& b) {
                   b.add_requested_transport(transport);
                   if (requested != 0) {
                     b.add_requested_address_family(static_cast<stun::AddressFamily>(requested));
                   }
                   if (additional != 0) {
                     b.add_additional_address_family(static_cast<stun::AddressFamily>(additional));
                   }
                 })
        ->code();
  };
  CHECK(code(6, 0, 0) == 442);  // TCP
  CHECK(code(6, 2, 0) == 442);  // Transport first, family second.
  CHECK(code(17, 2, 0) == 440);
  CHECK(code(17, 0, 1) == 400);
  CHECK(code(17, 1, 2) == 400);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(code(17, 0, 2) == 0);   // In part: no IPv6 here.
  CHECK(code(6, 0, 0) == 437);  // An existing allocation before anything else.
}

TEST_CASE("when all ports are taken Allocate fails with 508, and a freed one serves again") {
  ServerOptions options = dual_stack();
  options.lowest_port = 50000;
  options.highest_port = 50003;
  TestRelay relay(options);
  std::vector<TestClient> clients;
  for (uint16_t i = 0; i < 5; ++i) {
    clients.emplace_back(relay, SocketAddress{kAlice.ip, static_cast<uint16_t>(1000 + i)},
                         "user" + std::to_string(i));
    CHECK(clients.back().allocate()->code() == (i < 4 ? 0 : 508));
  }
  CHECK(relay.ports.size() == 4);
  REQUIRE(clients[2].refresh(0)->code() == 0);
  CHECK(clients[4].allocate()->code() == 0);
}

TEST_CASE("a port that another program has is passed over") {
  ServerOptions options = dual_stack();
  options.lowest_port = 50000;
  options.highest_port = 50007;
  TestRelay relay(options);
  for (uint16_t port = 50000; port < 50007; ++port) relay.taken.insert(port);
  TestClient alice(relay, kAlice);
  const auto reply = alice.allocate();
  CHECK(reply->code() == 0);
  CHECK(relayed_port(*reply) == 50007);
  CHECK(relay.opens <= 8);
  CHECK(relay.server.free_port_count() == 7);  // Those that failed may be free next time.
  CHECK(relay.server.is_consistent());
}

TEST_CASE("after eight ports that do not open the client is told 508 and nothing is left") {
  ServerOptions options = dual_stack();
  options.lowest_port = 50000;
  options.highest_port = GENERATE(as<uint16_t>{}, 50002, 50100);
  TestRelay relay(options);
  for (uint16_t port = 50000; port <= 50100; ++port) relay.taken.insert(port);
  TestClient alice(relay, kAlice);
  const auto reply = alice.allocate();
  CHECK(reply->code() == 508);
  CHECK(alice.verifies(*reply));
  CHECK(relay.opens == std::min(8, options.highest_port - 50000 + 1));
  CHECK(relay.closes == 0);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.server.free_port_count() == options.highest_port - 50000U + 1U);
  relay.taken.clear();
  CHECK(alice.allocate()->code() == 0);
}

TEST_CASE("nobody is answered before the sockets exist") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.refresh()->code() == 437);  // Learns the nonce.
  const auto ask = alice.message(Method::kAllocate, [](auto& b) { b.add_requested_transport(17); });
  relay.server.handle_client_run(relay.now, kAlice, ask, 0);
  const auto command = relay.server.poll_command();
  REQUIRE(command.has_value());
  const OpenPort open = std::get<OpenPort>(*command);
  CHECK(open.families == FamilySet{true, false});
  CHECK_FALSE(relay.server.poll_transmit().has_value());

  // It asks again meanwhile: still no answer, and no second port.
  relay.receive(kAlice, ask);
  CHECK(relay.dropped() == Drop::kAllocationOpening);
  CHECK(relay.opens == 0);

  relay.server.handle_port_opened(relay.now, open.port);
  CHECK(relay.server.poll_transmit().has_value());
}

TEST_CASE("a port that opens for an allocation that is gone is closed again") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.refresh()->code() == 437);
  relay.server.handle_client_run(
      relay.now, kAlice,
      alice.message(Method::kAllocate, [](auto& b) { b.add_requested_transport(17); }), 0);
  const auto port = std::get<OpenPort>(*relay.server.poll_command()).port;
  relay.advance(2h);
  relay.server.handle_port_opened(relay.now, port);
  const auto command = relay.server.poll_command();
  REQUIRE(command.has_value());
  CHECK(std::get<ClosePort>(*command).port == port);
}

TEST_CASE("EVEN-PORT gives an even port") {
  TestRelay relay;
  for (uint16_t i = 0; i < 20; ++i) {
    TestClient client(relay, {kAlice.ip, static_cast<uint16_t>(2000 + i)}, std::to_string(i));
    const auto reply = client.allocate(
        [](auto& b) { b.add(stun::AttributeType::kEvenPort, std::vector<uint8_t>{0}); });
    REQUIRE(reply->code() == 0);
    CHECK(relayed_port(*reply) % 2 == 0);
  }
}

TEST_CASE("a relay that shuts down serves whom it has and refuses newcomers") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  TestClient bob(relay, kBob);
  REQUIRE(alice.allocate()->code() == 0);
  relay.server.handle_shutdown_requested(relay.now);
  CHECK(bob.allocate()->code() == 508);
  CHECK(alice.bind(0x4000, kPeer)->code() == 0);
  CHECK(alice.refresh()->code() == 0);
  CHECK(relay.to_peer(kAlice, 0x4000, {}).has_value());
  CHECK_FALSE(relay.server.is_drained());
  CHECK(alice.refresh(0)->code() == 0);
  CHECK(relay.server.is_drained());
}

TEST_CASE("after a sleep of a day everything has expired at once, with one wakeup") {
  TestRelay relay;
  for (uint16_t i = 0; i < 50; ++i) {
    TestClient client(relay, {kAlice.ip, static_cast<uint16_t>(3000 + i)}, std::to_string(i));
    REQUIRE(client.allocate()->code() == 0);
    REQUIRE(client.bind(0x4000, kPeer)->code() == 0);
  }
  relay.advance(24h);
  CHECK(relay.server.allocation_count() == 0);
  CHECK(relay.removed_bindings == 50);
  CHECK(relay.bindings.empty());
  CHECK(relay.server.poll_timeout().at.is_never());
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
