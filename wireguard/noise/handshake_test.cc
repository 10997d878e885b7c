#include "wireguard/noise/handshake.h"

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "tests/support/scripted_random.h"
#include "tests/support/vectors.h"

namespace connlib::wireguard {
namespace {

using connlib::testing::public_key;
using connlib::testing::ScriptedRandom;
using connlib::testing::secret32;

const nlohmann::json& handshakes() {
  return connlib::testing::wireguard_vectors().at("handshakes");
}

std::string without_macs(const nlohmann::json& message) {
  const std::string hex = message.get<std::string>();
  return hex.substr(0, hex.size() - 64);
}

TEST_CASE("every published handshake is reproduced byte for byte in both roles") {
  for (const auto& vector : handshakes()) {
    CAPTURE(vector["name"].get<std::string>());
    const auto& in = vector["inputs"];
    const DhKey initiator(secret32(in["initiator_static_private"]));
    const DhKey responder(secret32(in["responder_static_private"]));
    auto psk = [&] {
      return in["preshared_key"].is_null() ? PresharedKey() : secret32(in["preshared_key"]);
    };
    const auto to_responder = RemoteIdentity::create(initiator, responder.public_key(), psk());
    const auto to_initiator = RemoteIdentity::create(responder, initiator.public_key(), psk());
    REQUIRE((to_responder && to_initiator));
    CHECK(to_hex(to_responder->static_static.bytes()) == vector["initiation"]["steps"]["dh_ss"]);

    ScriptedRandom random;
    random.expect(secret32(in["initiator_ephemeral_private"]).bytes());
    random.expect(secret32(in["responder_ephemeral_private"]).bytes());
    const auto stamp =
        Tai64n::encode(in["timestamp_unix_seconds_int"], in["timestamp_nanoseconds_int"]);
    std::array<uint8_t, kInitiationBytes> initiation{};
    const auto pending = create_initiation(*to_responder, initiator,
                                           SessionIndex(in["initiator_index_int"].get<uint32_t>()),
                                           stamp, random, initiation);
    REQUIRE(pending.has_value());
    CHECK(to_hex(std::span(initiation).first<116>()) ==
          without_macs(vector["initiation"]["message"]));
    const auto& steps = vector["initiation"]["steps"];
    CHECK(to_hex(pending->state.hash) == steps["h_after_encrypted_timestamp"]);
    CHECK(to_hex(pending->state.chaining_key.bytes()) == steps["ck_after_ss"]);

    const auto message = Initiation::parse(initiation);
    REQUIRE(message.has_value());
    auto opened = open_initiation(responder, *message);
    REQUIRE(opened.has_value());
    CHECK(opened->remote_static == initiator.public_key());
    CHECK(to_hex(opened->state.hash) == steps["h_after_encrypted_static"]);
    CHECK(to_hex(opened->state.chaining_key.bytes()) == steps["ck_after_es"]);
    CHECK(open_timestamp(*to_initiator, *message, *opened) == stamp);
    CHECK(to_hex(opened->state.hash) == steps["h_after_encrypted_timestamp"]);

    std::array<uint8_t, kResponseBytes> response{};
    const auto responder_keys =
        create_response(*to_initiator, *opened,
                        SessionIndex(in["responder_index_int"].get<uint32_t>()), random, response);
    REQUIRE(responder_keys.has_value());
    CHECK(to_hex(std::span(response).first<60>()) == without_macs(vector["response"]["message"]));
    const auto initiator_keys =
        consume_response(*to_responder, initiator, *pending, *Response::parse(response));
    REQUIRE(initiator_keys.has_value());
    const auto& keys = vector["transport_keys"];
    CHECK(to_hex(initiator_keys->send.bytes()) == keys["initiator_to_responder"]);
    CHECK(to_hex(initiator_keys->receive.bytes()) == keys["responder_to_initiator"]);
    CHECK(to_hex(responder_keys->send.bytes()) == keys["responder_to_initiator"]);
    CHECK(to_hex(responder_keys->receive.bytes()) == keys["initiator_to_responder"]);
    CHECK(initiator_keys->remote_index == responder_keys->local_index);
    CHECK(random.is_used_up());
  }
}

TEST_CASE("a wrong pre-shared key is noticed by the initiator") {
  SeededRandom random(5);
  const DhKey a = DhKey::generate(random);
  const DhKey b = DhKey::generate(random);
  const auto to_b = RemoteIdentity::create(a, b.public_key(), PresharedKey(random.bytes<32>()));
  const auto to_a = RemoteIdentity::create(b, a.public_key(), PresharedKey(random.bytes<32>()));
  std::array<uint8_t, kInitiationBytes> initiation{};
  std::array<uint8_t, kResponseBytes> response{};
  const auto pending =
      create_initiation(*to_b, a, SessionIndex(1), Tai64n::encode(1, 2), random, initiation);
  const auto message = Initiation::parse(initiation);
  auto opened = open_initiation(b, *message);
  REQUIRE(opened.has_value());
  REQUIRE(open_timestamp(*to_a, *message, *opened).has_value());
  REQUIRE(create_response(*to_a, *opened, SessionIndex(2), random, response).has_value());
  CHECK_FALSE(consume_response(*to_b, a, *pending, *Response::parse(response)).has_value());
}

TEST_CASE("an initiation cannot be opened with another peer's secrets") {
  SeededRandom random(6);
  const DhKey a = DhKey::generate(random);
  const DhKey b = DhKey::generate(random);
  const DhKey c = DhKey::generate(random);
  const auto to_b = RemoteIdentity::create(a, b.public_key(), {});
  const auto to_c = RemoteIdentity::create(b, c.public_key(), {});
  std::array<uint8_t, kInitiationBytes> initiation{};
  REQUIRE(create_initiation(*to_b, a, SessionIndex(1), Tai64n::encode(1, 2), random, initiation)
              .has_value());
  const auto message = Initiation::parse(initiation);
  auto opened = open_initiation(b, *message);
  REQUIRE(opened.has_value());
  CHECK_FALSE(open_timestamp(*to_c, *message, *opened).has_value());
  CHECK_FALSE(open_initiation(c, *message).has_value());
}

TEST_CASE("messages are told apart by type word and exact length") {
  auto [type, length, expected] = GENERATE(table<uint32_t, size_t, std::optional<MessageType>>({
      {1, 148, MessageType::kInitiation},
      {1, 147, std::nullopt},
      {1, 149, std::nullopt},
      {2, 92, MessageType::kResponse},
      {2, 148, std::nullopt},
      {3, 64, MessageType::kCookieReply},
      {3, 65, std::nullopt},
      {4, 32, MessageType::kData},
      {4, 31, std::nullopt},
      {4, 1500, MessageType::kData},
      {0, 64, std::nullopt},
      {5, 64, std::nullopt},
      {0x01000001, 148, std::nullopt},
      {4, 0, std::nullopt},
  }));
  CAPTURE(type, length);
  std::vector<uint8_t> datagram(std::max<size_t>(length, 4));
  for (int i = 0; i < 4; ++i)
    datagram[static_cast<size_t>(i)] = static_cast<uint8_t>(type >> (8 * i));
  datagram.resize(length);
  CHECK(classify(datagram) == expected);
}

}  // namespace
}  // namespace connlib::wireguard
