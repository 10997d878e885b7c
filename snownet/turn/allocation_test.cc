// How an allocation is made, used and kept.
#include "snownet/turn/allocation.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "snownet/turn/lab.h"

namespace connlib::snownet::turn {
namespace {

using stun::AttributeType;
using stun::ErrorCode;
using stun::Method;
using testing::Bytes;
using testing::credentials;
using testing::kLocal;
using testing::kLocal6;
using testing::kMapped;
using testing::kMapped6;
using testing::kPeer;
using testing::kPeer6;
using testing::kRelay;
using testing::kRelay6;
using testing::kRelayed;
using testing::kRelayed6;
using testing::kStart;
using testing::Lab;

constexpr RelaySockets kDual() { return {.v4 = kRelay, .v6 = kRelay6}; }

std::vector<AttributeType> attribute_types(const Bytes& request) {
  const auto parsed = stun::parse_message(request);
  std::vector<AttributeType> out;
  for (const auto& attribute : std::get<stun::Message>(parsed).attributes()) {
    out.push_back(attribute.type);
  }
  return out;
}

TEST_CASE("candidates come after one round trip, relayed ones after three") {
  Lab lab;
  lab.run_for(20ms);
  CHECK(lab.taken<AddressDiscovered>() ==
        std::vector<AddressDiscovered>{{.local = kLocal, .mapped = kMapped}});
  CHECK(lab.allocation.active_socket() == kRelay);
  CHECK_FALSE(lab.allocation.is_allocated());
  lab.run_for(40ms);
  REQUIRE(lab.taken<RelayedAddressAdded>().size() == 1);
  const auto added = lab.taken<RelayedAddressAdded>()[0];
  CHECK(added.relayed == kRelayed);
  CHECK(added.relay == kRelay);
  CHECK(added.local == kLocal);
  CHECK(lab.sent.size() == 3);  // Binding, Allocate, Allocate with the nonce.
}

TEST_CASE("requests carry what relays of the field expect, in their order") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  REQUIRE(lab.sent.size() == 4);
  CHECK(attribute_types(lab.sent[0]) == std::vector{AttributeType::kSoftware});
  CHECK(attribute_types(lab.sent[1]) ==
        std::vector{AttributeType::kRequestedTransport, AttributeType::kAdditionalAddressFamily,
                    AttributeType::kSoftware, AttributeType::kUsername, AttributeType::kRealm});
  CHECK(attribute_types(lab.sent[2]) ==
        std::vector{AttributeType::kRequestedTransport, AttributeType::kAdditionalAddressFamily,
                    AttributeType::kSoftware, AttributeType::kUsername, AttributeType::kRealm,
                    AttributeType::kNonce});
  CHECK(attribute_types(lab.sent[3]) ==
        std::vector{AttributeType::kXorPeerAddress, AttributeType::kChannelNumber,
                    AttributeType::kSoftware, AttributeType::kUsername, AttributeType::kRealm,
                    AttributeType::kNonce});
}

TEST_CASE("a dual-stack relay gives two relayed addresses by one allocation") {
  Lab lab(kDual());
  lab.relay.relayed6 = kRelayed6;
  lab.allocated();
  CHECK(lab.allocation.relayed_address(IpFamily::kV4) == kRelayed);
  CHECK(lab.allocation.relayed_address(IpFamily::kV6) == kRelayed6);
  CHECK(lab.taken<RelayedAddressAdded>().size() == 2);
  CHECK(lab.relay.count(Method::kAllocate) == 2);
  CHECK(lab.taken<AddressDiscovered>() ==
        std::vector<AddressDiscovered>{{.local = kLocal, .mapped = kMapped},
                                       {.local = kLocal6, .mapped = kMapped6}});
}

TEST_CASE("the family that answers first carries the allocation; a dead one does no harm") {
  Lab lab(kDual());
  lab.is_v4_dead = GENERATE(false, true);
  lab.is_v6_dead = !lab.is_v4_dead;
  lab.allocated();
  CHECK(lab.allocation.active_socket() == (lab.is_v4_dead ? kRelay6 : kRelay));
  lab.run_for(10min);  // The Binding of the other family was given up long ago.
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.taken<RelayedAddressRemoved>().empty());
}

TEST_CASE("a standard server that signs no challenge is understood") {
  Lab lab;
  lab.relay.signs_challenges = false;
  lab.relay.wants_bare_request = GENERATE(false, true);
  CAPTURE(lab.relay.wants_bare_request);
  lab.allocated();
  SECTION("and so is its stale nonce") {
    lab.relay.nonce = "nonce-2";
    lab.run_for(6min);
    CHECK(lab.allocation.is_allocated());
    CHECK(lab.taken<RelayedAddressRemoved>().empty());
  }
}

TEST_CASE("the allocation is refreshed half way and lives on") {
  Lab lab;
  lab.relay.lifetime = 100s;  // No keep-alive of a minute comes first.
  lab.allocated();
  const size_t before = lab.relay.count(Method::kRefresh);
  lab.run_for(51s);
  CHECK(lab.relay.count(Method::kRefresh) == before + 1);
  lab.run_for(1h);
  CHECK(lab.allocation.is_allocated());
  CHECK(lab.taken<RelayedAddressAdded>().size() == 1);
}

TEST_CASE("a refresh does not ask for anything a strict server would not know there") {
  Lab lab;
  lab.allocated();
  lab.allocation.check(lab.now);
  lab.run_for(50ms);
  CHECK(attribute_types(lab.sent.back()) ==
        std::vector{AttributeType::kSoftware, AttributeType::kUsername, AttributeType::kRealm,
                    AttributeType::kNonce});
}

TEST_CASE("an idle allocation keeps its NAT mapping open every 25 s") {
  Lab lab;
  lab.allocated();
  const size_t before = lab.relay.seen.size();
  lab.run_for(10min);
  Timestamp last = lab.relay.seen[before - 1].at;
  for (size_t i = before; i < lab.relay.seen.size(); ++i) {
    CHECK(lab.relay.seen[i].at - last <= 25s + 50ms);
    last = lab.relay.seen[i].at;
  }
}

TEST_CASE("outgoing data stands in for the keep-alive as long as something comes back") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  const bool is_answered = GENERATE(true, false);
  const size_t before = lab.relay.count(Method::kBinding);
  for (int i = 0; i < 120; ++i) {
    CHECK(lab.allocation.route_to(lab.now, kPeer).has_value());
    std::vector<uint8_t> frame = {0x40, 0x00, 0x00, 0x00};
    if (is_answered) lab.allocation.handle_datagram(lab.now, testing::kLocal, kRelay, frame);
    lab.run_for(1s);
  }
  CHECK((lab.relay.count(Method::kBinding) == before) == is_answered);
}

TEST_CASE("data travels by channel in both directions") {
  Lab lab;
  lab.allocated();
  CHECK_FALSE(lab.allocation.route_to(lab.now, kPeer).has_value());  // Starts the bind.
  lab.run_for(50ms);
  const auto route = lab.allocation.route_to(lab.now, kPeer);
  REQUIRE(route.has_value());
  CHECK(route->relay == kRelay);
  CHECK(lab.relay.channels.at(route->channel.value()) == kPeer);

  Bytes frame = {0x40, 0x00, 0x00, 0x03, 'a', 'b', 'c', 0x00};  // Padded: the length counts.
  const auto inbound = lab.allocation.handle_datagram(lab.now, kLocal, kRelay, frame);
  const auto* received = std::get_if<Received>(&inbound);
  REQUIRE(received != nullptr);
  CHECK(received->peer == kPeer);
  CHECK(Bytes(received->payload.begin(), received->payload.end()) == Bytes{'a', 'b', 'c'});
  CHECK(received->payload.data() == frame.data() + 4);
}

TEST_CASE("binds asked for early are made once the allocation exists, each once") {
  Lab lab;
  for (int i = 0; i < 3; ++i) lab.allocation.bind_channel(lab.now, kPeer);
  lab.allocated();
  for (int i = 0; i < 3; ++i) lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  CHECK(lab.relay.count(Method::kChannelBind) == 1);
}

TEST_CASE("of more than a hundred early binds the oldest are forgotten") {
  Lab lab;
  for (uint16_t i = 0; i < 150; ++i) {
    lab.allocation.bind_channel(lab.now,
                                {Ipv4Address{{198, 51, 100, 1}}, static_cast<uint16_t>(1 + i)});
  }
  lab.allocated();
  lab.run_for(1s);
  CHECK(lab.relay.channels.size() == 100);
  CHECK(lab.relay.channels.at(0x4000).port == 51);
}

TEST_CASE("many binds at once all arrive, a hundred on their way at a time") {
  Lab lab;
  lab.allocated();
  for (uint16_t i = 0; i < 180; ++i) {
    lab.allocation.bind_channel(lab.now,
                                {Ipv4Address{{198, 51, 100, 1}}, static_cast<uint16_t>(1 + i)});
  }
  lab.run_for(1s);
  CHECK(lab.relay.channels.size() == 180);
}

TEST_CASE("no bind is asked for a family that the relay did not grant") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer6);
  CHECK_FALSE(lab.allocation.route_to(lab.now, kPeer6).has_value());
  lab.run_for(1s);
  CHECK(lab.relay.count(Method::kChannelBind) == 0);
}

TEST_CASE("a refused peer is left alone for five seconds") {
  Lab lab;
  lab.allocated();
  lab.relay.refuses[Method::kChannelBind] = ErrorCode::kForbidden;
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(1s);
  for (int i = 0; i < 40; ++i) {
    lab.allocation.route_to(lab.now, kPeer);
    lab.run_for(100ms);
  }
  CHECK(lab.relay.count(Method::kChannelBind) == 1);
  lab.relay.refuses.clear();
  lab.allocation.route_to(lab.now + 1s, kPeer);
  lab.run_for(2s);
  CHECK(lab.relay.channels.size() == 1);
}

TEST_CASE("a channel in use is renewed after five minutes under its number") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  for (int i = 0; i < 700; ++i) {
    lab.run_for(1s);
    if (i > 0) CHECK(lab.allocation.route_to(lab.now, kPeer).has_value());
  }
  CHECK(lab.relay.count(Method::kChannelBind) == 3);
  CHECK(lab.relay.channels.size() == 1);
}

TEST_CASE("a channel that slept for twelve minutes is bound to its old number again") {
  Lab lab;
  lab.allocated();
  lab.allocation.bind_channel(lab.now, kPeer);
  lab.run_for(12min);
  CHECK_FALSE(lab.allocation.route_to(lab.now, kPeer).has_value());
  lab.run_for(50ms);
  CHECK(lab.allocation.route_to(lab.now, kPeer).has_value());
  CHECK(lab.relay.channels.size() == 1);
}

TEST_CASE("the round-trip time is smoothed, and retransmitted requests do not count") {
  Lab lab;
  lab.allocated();
  CHECK(lab.allocation.round_trip_time() == 20ms);
  lab.relay.is_silent_to = [&lab](Method method) {
    return method == Method::kRefresh && lab.relay.count(method) == 1;
  };
  lab.allocation.check(lab.now);
  lab.run_for(3s);
  REQUIRE(lab.relay.count(Method::kRefresh) == 2);
  CHECK(lab.allocation.round_trip_time() == 20ms);
  lab.latency = 50ms;
  lab.allocation.check(lab.now);
  lab.run_for(1s);
  const Duration once = (20ms * 7 + 100ms) / 8;  // A Binding and a Refresh: two samples.
  CHECK(lab.allocation.round_trip_time() == (once * 7 + 100ms) / 8);
}

TEST_CASE("a retransmission is the same message under the same id") {
  Lab lab;
  lab.relay.is_silent_to = [](Method method) { return method == Method::kAllocate; };
  lab.run_for(6s);
  REQUIRE(lab.relay.count(Method::kAllocate) == 4);
  std::vector<Timestamp> at;
  for (const auto& seen : lab.relay.seen) {
    if (seen.method != Method::kAllocate) continue;
    at.push_back(seen.at);
    CHECK(seen.id == lab.relay.seen[1].id);
  }
  CHECK(at[1] - at[0] == 1s);
  CHECK(at[2] - at[0] == 2500ms);
  CHECK(at[3] - at[0] == 4750ms);
  CHECK(std::equal(lab.sent[1].begin(), lab.sent[1].end(), lab.sent[2].begin(), lab.sent[2].end()));
}

TEST_CASE("equal seeds send equal bytes") {
  auto run = [](uint64_t seed) {
    Lab lab(kDual(), seed);
    lab.allocated();
    lab.allocation.bind_channel(lab.now, kPeer);
    lab.run_for(10min);
    return lab.sent;
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

TEST_CASE("an allocation that is given back is deleted with one datagram") {
  Lab lab;
  lab.allocated();
  lab.relay.is_silent_to = [](Method method) { return method == Method::kRefresh; };
  const size_t before = lab.relay.seen.size();
  lab.allocation.release(lab.now);
  lab.run_for(1min);
  REQUIRE(lab.relay.seen.size() == before + 1);
  CHECK(lab.relay.seen.back().lifetime == 0s);
  CHECK(lab.taken<RelayedAddressRemoved>().size() == 1);
}

}  // namespace
}  // namespace connlib::snownet::turn
