#include "wireguard/tunnel/device.h"

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/base/hex.h"
#include "tests/support/scripted_random.h"
#include "tests/support/vectors.h"
#include "wireguard/tunnel/pair.h"

namespace connlib::wireguard {
namespace {

using connlib::testing::hex_bytes;
using connlib::testing::named;
using connlib::testing::public_key;
using connlib::testing::ScriptedRandom;
using connlib::testing::secret32;
using connlib::testing::wireguard_vectors;
using testing::InFlight;
using testing::ipv4_packet;
using testing::kStart;
using testing::Pair;

const SocketAddress kSource{Ipv4Address{{192, 0, 2, 33}}, 51820};

uint64_t drops(const Device& device, Drop why) { return device.drops()[static_cast<size_t>(why)]; }

// The responder of the published handshake `psk`: it will draw the published index and ephemeral.
struct Responder {
  Responder()
      : device(secret32(inputs()["responder_static_private"]), {}, kStart,
               absl::FromUnixSeconds(1'700'000'100), random, null_tracer()) {
    REQUIRE(device
                .add_peer(kStart, public_key(inputs()["initiator_static_public"]),
                          secret32(inputs()["preshared_key"]), {})
                .ok());
    std::array<uint8_t, 4> index{};
    const uint32_t value = inputs()["responder_index_int"].get<uint32_t>();
    std::memcpy(index.data(), &value, index.size());
    random.expect(index);
    random.expect(secret32(inputs()["responder_ephemeral_private"]).bytes());
  }
  static const nlohmann::json& psk() { return named(wireguard_vectors().at("handshakes"), "psk"); }
  static const nlohmann::json& inputs() { return psk()["inputs"]; }
  Inbound receive(const std::string& hex) {
    now += 100ms;
    buffer = hex_bytes(hex);
    return device.handle_datagram(now, kSource, buffer);
  }
  Drop dropped(const std::string& hex) {
    const Inbound result = receive(hex);
    return std::holds_alternative<Drop>(result) ? std::get<Drop>(result) : Drop::kCount;
  }
  void complete() {
    REQUIRE(std::holds_alternative<Consumed>(receive(psk()["initiation"]["message"])));
    REQUIRE(device.poll_transmit().has_value());
  }
  ScriptedRandom random;
  Device device;
  Timestamp now = kStart;
  std::vector<uint8_t> buffer;
};

std::string negative(const std::string& name) {
  return named(wireguard_vectors().at("negative"), name)["message"];
}

TEST_CASE("the published handshake is answered with the published response, MACs included") {
  Responder responder;
  REQUIRE(std::holds_alternative<Consumed>(
      responder.receive(Responder::psk()["initiation"]["message"])));
  const auto response = responder.device.poll_transmit();
  REQUIRE(response.has_value());
  CHECK(to_hex(response->datagram.bytes()) == Responder::psk()["response"]["message"]);
  for (const auto& message : wireguard_vectors().at("transport")) {
    if (message["direction"] != "initiator_to_responder") continue;
    CAPTURE(message["name"].get<std::string>());
    const Inbound result = responder.receive(message["message"]);
    if (message["inner_packet"] == "") {
      CHECK(std::holds_alternative<Consumed>(result));
    } else {
      REQUIRE(std::holds_alternative<Delivered>(result));
      CHECK(to_hex(std::get<Delivered>(result).packet) == message["inner_packet"]);
    }
  }
}

TEST_CASE("every published bad initiation is dropped for its reason and changes nothing") {
  auto [name, why] = GENERATE(table<const char*, Drop>({
      {"init-bad-mac1", Drop::kBadMac1},
      {"init-reserved-not-zero", Drop::kUnknownType},
      {"init-short", Drop::kUnknownType},
      {"init-long", Drop::kUnknownType},
      {"init-static-tampered-mac1-valid", Drop::kBadHandshake},
      {"init-timestamp-tampered-mac1-valid", Drop::kBadHandshake},
      {"init-low-order-ephemeral", Drop::kBadHandshake},
      {"init-unknown-static", Drop::kUnknownPeer},
      {"resp-unknown-receiver", Drop::kBadMac1},  // Meant for the initiator's key.
      {"cookie-reply-tampered", Drop::kUnknownIndex},
      {"unknown-type", Drop::kUnknownType},
      {"data-31-bytes", Drop::kUnknownType},
  }));
  CAPTURE(name);
  Responder responder;
  CHECK(responder.dropped(negative(name)) == why);
  CHECK(responder.device.index_count() == 0);
  CHECK_FALSE(responder.device.poll_transmit().has_value());
  responder.complete();  // The real one still works.
}

TEST_CASE("a replayed or older initiation is refused, and no sooner than 20 ms after another") {
  Responder responder;
  responder.complete();
  // A newer one (handshake `after-cookie` is the next attempt of the same initiator).
  const auto& next =
      named(wireguard_vectors().at("handshakes"), "after-cookie")["initiation"]["message"];
  responder.now = kStart + 110ms - 100ms;
  CHECK(responder.dropped(next) == Drop::kFlood);
  CHECK(responder.dropped(negative("init-replayed")) == Drop::kReplayedTimestamp);
  CHECK(responder.dropped(negative("init-older-timestamp")) == Drop::kReplayedTimestamp);
  CHECK(std::holds_alternative<Consumed>(responder.receive(next)));
}

TEST_CASE("every published bad data message is dropped; only authenticated ones burn a counter") {
  Responder responder;
  responder.complete();
  const auto& good = named(wireguard_vectors().at("transport"), "ipv4-84-padded-to-96")["message"];
  CHECK(responder.dropped(negative("data-tag-tampered")) == Drop::kBadTag);
  CHECK(responder.dropped(negative("data-counter-tampered")) == Drop::kBadTag);
  CHECK(std::holds_alternative<Delivered>(responder.receive(good)));
  CHECK(responder.dropped(good) == Drop::kReplayed);
  CHECK(responder.dropped(negative("data-counter-rejected")) == Drop::kCounterLimit);
  for (const char* name : {"data-truncated-ip-header", "data-ip-length-too-large", "data-not-ip"}) {
    CAPTURE(name);
    CHECK(responder.dropped(negative(name)) == Drop::kMalformedInner);
    CHECK(responder.dropped(negative(name)) == Drop::kReplayed);
  }
}

TEST_CASE("a tampered response leaves the handshake pending") {
  Pair pair;
  pair.filter = [](InFlight& flight) {
    if (classify(flight.bytes) == MessageType::kResponse) flight.bytes[50] ^= 1;
    return true;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(1s);
  CHECK(drops(pair.a.device, Drop::kBadMac1) == 1);
  CHECK(pair.a.device.index_count() == 1);
  pair.filter = nullptr;
  pair.run_for(6s);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("every entry of the negative list is used by a test") {
  CHECK(wireguard_vectors().at("negative").size() ==
        21);  // 12 + 2 + 6 here, resp-empty-tampered below.
}

TEST_CASE("a response whose empty field was tampered is dropped and the right one still accepted") {
  const auto& handshake = Responder::psk();
  const auto& in = handshake["inputs"];
  ScriptedRandom random;
  Device initiator(secret32(in["initiator_static_private"]), {}, kStart,
                   absl::FromUnixSeconds(1'699'999'000), random, null_tracer());
  const auto peer = initiator.add_peer(kStart, public_key(in["responder_static_public"]),
                                       secret32(in["preshared_key"]), {});
  REQUIRE(peer.ok());
  std::array<uint8_t, 4> index{};
  const uint32_t value = in["initiator_index_int"].get<uint32_t>();
  std::memcpy(index.data(), &value, index.size());
  random.expect(index);
  random.expect(secret32(in["initiator_ephemeral_private"]).bytes());
  initiator.start_handshake(kStart, *peer);
  REQUIRE(initiator.poll_transmit().has_value());
  auto tampered = hex_bytes(negative("resp-empty-tampered-mac1-valid"));
  const Inbound result = initiator.handle_datagram(kStart + 1s, kSource, tampered);
  REQUIRE(std::holds_alternative<Drop>(result));
  CHECK(std::get<Drop>(result) == Drop::kBadHandshake);
  CHECK(initiator.index_count() == 1);
  auto unknown = hex_bytes(negative("resp-unknown-receiver"));
  CHECK(std::get<Drop>(initiator.handle_datagram(kStart + 1s, kSource, unknown)) ==
        Drop::kUnknownIndex);
  auto cookie = hex_bytes(negative("cookie-reply-tampered"));
  CHECK(std::get<Drop>(initiator.handle_datagram(kStart + 1s, kSource, cookie)) ==
        Drop::kBadCookieReply);
}

// --- Load

DeviceOptions forced_cookies() {
  DeviceOptions options;
  options.limits.per_node = 0;
  return options;
}

TEST_CASE("under load a handshake takes one cookie and one retry, never an immediate one") {
  Pair pair(3, {}, forced_cookies());
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(4900ms);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 1);
  CHECK(pair.count(pair.b, MessageType::kCookieReply) == 1);
  CHECK(drops(pair.b.device, Drop::kUnderLoad) == 1);
  // The response provokes a cookie too; its holder answers the third initiation with a mac2.
  pair.run_for(15s);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  CHECK(pair.count(pair.a, MessageType::kInitiation) <= 4);
}

TEST_CASE("a cookie works for its 120 s, also across a change of the issuer's secret") {
  Pair pair(4, {}, forced_cookies());
  const Duration first_contact = GENERATE(as<Duration>{}, 1s, 100s);
  pair.run_for(first_contact);
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(20s);
  REQUIRE(pair.send(pair.a, ipv4_packet(64)));
  const size_t replies = pair.count(pair.b, MessageType::kCookieReply);
  pair.run_for(70s);
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(3s);
  CHECK(pair.count(pair.b, MessageType::kCookieReply) == replies);
  pair.run_for(140s);
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(1s);
  CHECK(pair.count(pair.b, MessageType::kCookieReply) > replies);
}

TEST_CASE("without a source address there is no cookie, only silence") {
  Pair pair(5, {}, forced_cookies());
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  auto initiation = *pair.a.device.poll_transmit();
  const Inbound result =
      pair.b.device.handle_datagram(pair.now, std::nullopt, initiation.datagram.bytes());
  CHECK(std::get<Drop>(result) == Drop::kUnderLoad);
  CHECK_FALSE(pair.b.device.poll_transmit().has_value());
}

TEST_CASE("a cookie that answers nothing of ours is dropped") {
  Pair pair(6, {}, forced_cookies());
  std::vector<uint8_t> reply;
  pair.filter = [&](InFlight& flight) {
    if (classify(flight.bytes) == MessageType::kCookieReply) reply = flight.bytes;
    return true;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(1s);
  REQUIRE_FALSE(reply.empty());
  pair.receive(pair.a, reply);  // Replayed.
  CHECK(drops(pair.a.device, Drop::kBadCookieReply) == 1);
}

// An initiation by a key that `end` does not know, with the right mac1.
std::array<uint8_t, kInitiationBytes> stranger_initiation(const testing::End& end) {
  SeededRandom random(7);
  const DhKey stranger = DhKey::generate(random);
  const auto remote = RemoteIdentity::create(stranger, end.device.public_key(), {});
  std::array<uint8_t, kInitiationBytes> initiation{};
  REQUIRE(create_initiation(*remote, stranger, SessionIndex(1), Tai64n::encode(1, 2), random,
                            initiation));
  CookieHolder(end.device.public_key()).stamp(kStart, initiation);
  return initiation;
}

SocketAddress stranger_address(uint32_t i) {
  return {Ipv4Address{{10, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                       static_cast<uint8_t>(i)}},
          1000};
}

// As many strangers as a fast network brings within a moment; their cookies go nowhere.
void flood_at_once(Pair& pair, testing::End& end, uint32_t strangers) {
  const auto initiation = stranger_initiation(end);
  for (uint32_t i = 0; i < strangers; ++i) {
    auto copy = initiation;
    end.device.handle_datagram(pair.now, stranger_address(i), copy);
    while (end.device.poll_transmit()) {
    }
  }
}

TEST_CASE("a peer can connect while ten thousand strangers a second ask for cookies") {
  Pair pair;
  flood_at_once(pair, pair.b, 10'000);
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(4900ms);
  CHECK(pair.count(pair.b, MessageType::kCookieReply) == 1);
  flood_at_once(pair, pair.b, 10'000);
  pair.run_for(500ms);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 2);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("strangers that flood us do not hold up a handshake of our own") {
  Pair pair;
  flood_at_once(pair, pair.a, 10'000);
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(100ms);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 1);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("a flood from many sources neither grows memory nor keeps a real peer out") {
  DeviceOptions options;
  options.limits.cookie_replies = 1000;
  Pair pair(1, {}, options);
  pair.connect(pair.a);
  auto initiation = stranger_initiation(pair.b);
  const bool right_mac = GENERATE(true, false);
  if (!right_mac) initiation[120] ^= 1;
  uint64_t replies = 0;
  for (uint32_t i = 0; i < 100'000; ++i) {
    if (i % 10'000 == 0) pair.run_for(1s);
    auto copy = initiation;
    pair.b.device.handle_datagram(pair.now, stranger_address(i), copy);
    while (const auto out = pair.b.device.poll_transmit())
      replies += std::holds_alternative<SocketAddress>(out->to);
    if (i % 1000 == 0) CHECK(pair.send(pair.a, ipv4_packet(64)));
  }
  CHECK(drops(pair.b.device, right_mac ? Drop::kUnknownPeer : Drop::kBadMac1) >=
        (right_mac ? 1000u : 100'000u));
  CHECK(drops(pair.b.device, Drop::kUnknownPeer) <= 1001);  // 100 Diffie-Hellmans a second.
  CHECK(replies <= 10'000);
  CHECK((right_mac ? replies > 5000 : replies == 0));
  CHECK(pair.b.device.index_count() == 1);

  // The real peer renews in the middle of it, by a cookie.
  pair.run_for(10s);
  CHECK(pair.b.delivered.size() == 100);
}

TEST_CASE("one loud source does not push others into cookies") {
  HandshakeLimiter limiter({.per_node = 100, .per_source = 20});
  const IpAddress loud = *IpAddress::parse("2001:db8::1");
  const IpAddress neighbour = *IpAddress::parse("2001:db8::2");  // The same /64.
  const IpAddress quiet = *IpAddress::parse("2001:db8:0:1::1");
  for (int i = 0; i < 1000; ++i) CHECK(limiter.count(kStart, i % 2 ? loud : neighbour) == (i < 20));
  CHECK(limiter.count(kStart, quiet));
  CHECK_FALSE(limiter.count(kStart + 999ms, loud));
  CHECK(limiter.count(kStart + 1s, loud));  // Without any timer.
}

TEST_CASE("spoofed sources fill a table that proven ones do not need") {
  HandshakeLimiter limiter({.per_node = 1000000, .per_source = 20, .sources = 10});
  for (uint8_t i = 0; i < 10; ++i) CHECK(limiter.count(kStart, Ipv4Address{{10, 0, 0, i}}));
  const IpAddress late = Ipv4Address{{10, 0, 1, 1}};
  CHECK_FALSE(limiter.count(kStart, late));
  for (int i = 0; i < 25; ++i) CHECK(limiter.count_proven(kStart, late) == (i < 20));
}

// --- Peers

TEST_CASE("a rebuilt tunnel sends larger stamps and refuses what its predecessor accepted") {
  Pair pair;
  std::vector<uint8_t> recorded;
  pair.filter = [&](InFlight& flight) {
    if (classify(flight.bytes) == MessageType::kInitiation && recorded.empty())
      recorded = flight.bytes;
    return true;
  };
  pair.connect(pair.a);
  const PublicKey a_key = pair.a.device.public_key();
  const PublicKey b_key = pair.b.device.public_key();
  pair.b.device.remove_peer(pair.b.peer);
  CHECK(pair.b.device.index_count() == 0);
  pair.b.peer = *pair.b.device.add_peer(pair.now, a_key, {}, {});
  pair.run_for(1s);
  CHECK(std::get<Drop>(pair.receive(pair.b, recorded)) == Drop::kReplayedTimestamp);

  pair.a.device.remove_peer(pair.a.peer);
  pair.a.peer = *pair.a.device.add_peer(pair.now, b_key, {}, {});
  for (int i = 0; i < 3; ++i) {  // Rebuilt within one rounding step of the stamp: still accepted.
    pair.a.device.remove_peer(pair.a.peer);
    pair.a.peer = *pair.a.device.add_peer(pair.now, b_key, {}, {});
    pair.a.device.start_handshake(pair.now, pair.a.peer);
    pair.run_for(25ms);
  }
  CHECK(drops(pair.b.device, Drop::kReplayedTimestamp) == 1);
}

TEST_CASE("peers that cannot exist are refused by name") {
  SeededRandom random(1);
  Device device(PrivateKey(random.bytes<32>()), {.limits = {}, .max_peers = 1}, kStart,
                absl::FromUnixSeconds(1), random, null_tracer());
  const auto own = device.add_peer(kStart, device.public_key(), {}, {});
  CHECK(own.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(device.add_peer(kStart, PublicKey{}, {}, {}).status().code() ==
        absl::StatusCode::kInvalidArgument);
  const PublicKey key = DhKey::generate(random).public_key();
  CHECK(device.add_peer(kStart, key, {}, {}).ok());
  CHECK(device.add_peer(kStart, key, {}, {}).status().code() == absl::StatusCode::kAlreadyExists);
  const auto more = device.add_peer(kStart, DhKey::generate(random).public_key(), {}, {});
  CHECK(more.status().code() == absl::StatusCode::kResourceExhausted);
}

TEST_CASE("a new private key ends all sessions and removes a peer that is ourselves") {
  Pair pair;
  pair.connect(pair.a);
  SeededRandom random(8);
  const DhKey next = DhKey::generate(random);
  const auto self = pair.a.device.add_peer(pair.now, next.public_key(), {}, {});
  REQUIRE(self.ok());
  CHECK(pair.a.device.set_private_key(pair.now, next.private_key()) == std::vector<PeerId>{*self});
  CHECK(pair.a.device.index_count() == 0);
  CHECK_FALSE(pair.send(pair.a, ipv4_packet(64)));
  pair.b.device.remove_peer(pair.b.peer);
  pair.b.peer = *pair.b.device.add_peer(pair.now, next.public_key(), {}, {});
  pair.a.device.set_preshared_key(pair.a.peer, {});
  pair.connect(pair.b);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

}  // namespace
}  // namespace connlib::wireguard
