// Stories about channels: binding, expiry, cool-down.
#include <catch2/catch.hpp>

#include "snownet/relay/test_relay.h"

namespace connlib::snownet::relay::testing {
namespace {

const SocketAddress kOtherPeer = at("93.184.216.35:51820");

struct Bound {
  explicit Bound(ServerOptions options = dual_stack()) : relay(std::move(options)) {
    port = relayed_port(*alice.allocate([](auto& b) {
      b.add_additional_address_family(stun::AddressFamily::kIpv6)
          .add_lifetime(std::chrono::seconds(3600));
    }));
    REQUIRE(alice.bind(0x4000, kPeer)->code() == 0);
  }
  TestRelay relay;
  TestClient alice{relay, kAlice};
  uint16_t port = 0;
};

TEST_CASE("a channel lapses after ten minutes and tells the data path once") {
  Bound b;
  CHECK(b.relay.bindings ==
        std::set<Binding>{{kAlice, stun::ChannelNumber(0x4000), kPeer, b.port}});
  b.relay.advance(600s - 1ns);
  CHECK(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
  b.relay.advance(1ns);
  CHECK(b.relay.removed_bindings == 1);
  CHECK(b.relay.bindings.empty());
  CHECK_FALSE(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
  CHECK_FALSE(b.relay.to_client(b.port, kPeer, {}).has_value());
  b.relay.advance(299s);
  CHECK(b.relay.removed_bindings == 1);
}

TEST_CASE("a channel lapses on time although nobody called handle_timeout") {
  Bound b;
  b.relay.now += 600s;
  CHECK_FALSE(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
  CHECK_FALSE(b.relay.to_client(b.port, kPeer, {}).has_value());
}

TEST_CASE("a channel re-bound while cooling down works both ways again") {
  Bound b;
  b.relay.advance(700s);
  REQUIRE(b.relay.bindings.empty());
  REQUIRE(b.alice.bind(0x4000, kPeer)->code() == 0);
  CHECK(b.relay.bindings.size() == 1);
  CHECK(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
  CHECK(b.relay.to_client(b.port, kPeer, {}).has_value());
  b.relay.advance(599s);
  CHECK(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
}

TEST_CASE("re-binding before expiry extends the binding and announces it again") {
  Bound b;
  b.relay.advance(500s);
  b.relay.bindings.clear();
  REQUIRE(b.alice.bind(0x4000, kPeer)->code() == 0);
  CHECK(b.relay.bindings.size() == 1);
  b.relay.advance(599s);
  CHECK(b.relay.to_peer(kAlice, 0x4000, {}).has_value());
}

TEST_CASE("number and peer belong to each other until the cool-down is over") {
  Bound b;
  auto [after, code] = GENERATE(table<Duration, int>(
      {{0s, 400}, {599s, 400}, {600s, 400}, {899s, 400}, {900s, 0}, {1000s, 0}}));
  CAPTURE(after);
  b.relay.advance(after);
  SECTION("another peer on this number") {
    CHECK(b.alice.bind(0x4000, kOtherPeer)->code() == code);
  }
  SECTION("another number for this peer") { CHECK(b.alice.bind(0x4001, kPeer)->code() == code); }
  CHECK(b.relay.server.is_consistent());
}

TEST_CASE("a new allocation starts over with any number for any peer") {
  Bound b;
  REQUIRE(b.alice.refresh(0)->code() == 0);
  REQUIRE(b.alice.allocate()->code() == 0);
  CHECK(b.alice.bind(0x4000, kOtherPeer)->code() == 0);
  CHECK(b.alice.bind(0x4001, kPeer)->code() == 0);
}

TEST_CASE("two clients use the same number for different peers, and different ones for the same") {
  Bound b;
  TestClient bob(b.relay, kBob, "bob");
  const uint16_t bobs_port = relayed_port(*bob.allocate());
  REQUIRE(bob.bind(0x4000, kOtherPeer)->code() == 0);
  REQUIRE(bob.bind(0x4001, kPeer)->code() == 0);
  CHECK(b.relay.to_peer(kAlice, 0x4000, {})->peer == kPeer);
  CHECK(b.relay.to_peer(kBob, 0x4000, {})->peer == kOtherPeer);
  CHECK(b.relay.to_client(bobs_port, kPeer, {})->channel == stun::ChannelNumber(0x4001));
  CHECK(b.relay.to_client(b.port, kPeer, {})->client == kAlice);
}

TEST_CASE("a peer of a family the allocation lacks is a mismatch") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  REQUIRE(alice.allocate()->code() == 0);
  CHECK(alice.bind(0x4000, kPeer6)->code() == 443);
  CHECK(alice.bind(0x4000, at("[::1]:80"))->code() == 443);  // Before the policy is asked.
  CHECK(alice.bind(0x4000, kPeer)->code() == 0);
}

TEST_CASE("a channel needs an allocation") {
  TestRelay relay;
  TestClient alice(relay, kAlice);
  CHECK(alice.bind(0x4000, kPeer)->code() == 437);
}

TEST_CASE("all 4096 numbers can be bound, the first and the last included") {
  Bound b;
  for (uint32_t i = 1; i < kChannelsPerAllocation; ++i) {
    const SocketAddress peer{kPeer.ip, static_cast<uint16_t>(1000 + i)};
    REQUIRE(b.alice.bind(static_cast<uint16_t>(0x4000 + i), peer)->code() == 0);
  }
  CHECK(b.relay.server.channel_count() == 4096);
  CHECK(b.relay.to_peer(kAlice, 0x4fff, {})->peer.port == 5095);
  CHECK(b.relay.server.is_consistent());
}

TEST_CASE("channel numbers of RFC 5766 are refused unless the relay serves old clients") {
  ServerOptions options = dual_stack();
  const bool serves_old_clients = GENERATE(false, true);
  if (serves_old_clients) options.last_channel = kLastRfc5766Channel;
  Bound b(options);
  const auto number = GENERATE(as<uint16_t>{}, 0x5000, 0x7fff);
  CHECK(b.alice.bind(number, kOtherPeer)->code() == (serves_old_clients ? 0 : 400));
  CHECK(b.relay.to_peer(kAlice, number, {}).has_value() == serves_old_clients);
  CHECK(b.alice.bind(0x8000, kPeer6)->code() == 400);
  CHECK_FALSE(b.relay.to_peer(kAlice, 0x8000, {}).has_value());
}

TEST_CASE("when the relay has all the channels it can have, one more is refused") {
  ServerOptions options = dual_stack();
  options.limits.channels = 3;
  Bound b(options);
  REQUIRE(b.alice.bind(0x4001, at("93.184.216.34:1"))->code() == 0);
  REQUIRE(b.alice.bind(0x4002, at("93.184.216.34:2"))->code() == 0);
  CHECK(b.alice.bind(0x4003, at("93.184.216.34:3"))->code() == 508);
  CHECK(b.alice.bind(0x4002, at("93.184.216.34:2"))->code() == 0);
  b.relay.advance(900s);
  CHECK(b.alice.bind(0x4003, at("93.184.216.34:3"))->code() == 0);
}

}  // namespace
}  // namespace connlib::snownet::relay::testing
