#include "wireguard/noise/handshake.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "tests/support/scripted_random.h"
#include "tests/support/vectors.h"

namespace connlib::wireguard {
namespace {

using connlib::testing::hex_bytes;
using connlib::testing::named;
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

// Formulas runs the symbols of the paper (spec §1) and checks each result against the published
// step of that name.
class Formulas {
 public:
  Formulas(const nlohmann::json& steps, const std::vector<uint8_t>& chaining_key,
           const std::vector<uint8_t>& hash)
      : steps_(&steps), chaining_key_(std::span<const uint8_t, 32>(chaining_key)) {
    std::copy(hash.begin(), hash.end(), hash_.begin());
  }
  void go_on_with(const nlohmann::json& steps) { steps_ = &steps; }

  void mix_hash(std::span<const uint8_t> data, const char* step) {
    hash_ = blake2s({hash_, data});
    CAPTURE(step);
    CHECK(to_hex(hash_) == steps_->at(step));
  }
  template <size_t N>
  std::array<Secret<32>, N> mix_key(std::span<const uint8_t> input,
                                    const std::array<const char*, N>& steps) {
    auto out = kdf<N>(chaining_key_.bytes(), input);
    for (size_t i = 0; i < N; ++i) {
      CAPTURE(steps[i]);
      CHECK(to_hex(out[i].bytes()) == steps_->at(steps[i]));
    }
    chaining_key_ = out[0].clone();
    return out;
  }
  template <size_t N>
  void mix_dh(const DhKey& a, const DhKey& b, const char* dh_step, const char* const (&steps)[N]) {
    const auto shared = a.agree(b.public_key());
    REQUIRE(shared.has_value());
    CHECK(shared == b.agree(a.public_key()));
    CAPTURE(dh_step);
    CHECK(to_hex(shared->bytes()) == steps_->at(dh_step));
    std::array<const char*, N> names{};
    std::copy(std::begin(steps), std::end(steps), names.begin());
    mix_key<N>(shared->bytes(), names);
  }

 private:
  const nlohmann::json* steps_;
  Secret<32> chaining_key_;
  Hash hash_{};
};

// PskHandshake is the two parties of the published handshake "psk".
struct PskHandshake {
  static const nlohmann::json& vector() { return named(handshakes(), "psk"); }
  static const nlohmann::json& inputs() { return vector()["inputs"]; }

  DhKey initiator{secret32(inputs()["initiator_static_private"])};
  DhKey responder{secret32(inputs()["responder_static_private"])};
  RemoteIdentity to_responder = *RemoteIdentity::create(initiator, responder.public_key(),
                                                        secret32(inputs()["preshared_key"]));
  RemoteIdentity to_initiator = *RemoteIdentity::create(responder, initiator.public_key(),
                                                        secret32(inputs()["preshared_key"]));
  ScriptedRandom random;
};

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
    CHECK(to_hex(pending->state.hash.bytes()) == steps["h_after_encrypted_timestamp"]);
    CHECK(to_hex(pending->state.chaining_key.bytes()) == steps["ck_after_ss"]);

    const auto message = Initiation::parse(initiation);
    REQUIRE(message.has_value());
    auto opened = open_initiation(responder, *message);
    REQUIRE(opened.has_value());
    CHECK(opened->remote_static == initiator.public_key());
    CHECK(to_hex(opened->state.hash.bytes()) == steps["h_after_encrypted_static"]);
    CHECK(to_hex(opened->state.chaining_key.bytes()) == steps["ck_after_es"]);
    CHECK(open_timestamp(*to_initiator, *message, *opened) == stamp);
    CHECK(to_hex(opened->state.hash.bytes()) == steps["h_after_encrypted_timestamp"]);

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

// Runs the paper's formulas with the primitives alone and compares every intermediate value; what
// the handshake functions compute in between is thereby pinned to published numbers.
TEST_CASE("every intermediate value of the published handshakes follows from the formulas") {
  const auto& constants = connlib::testing::wireguard_vectors().at("constants");
  for (const auto& vector : handshakes()) {
    CAPTURE(vector["name"].get<std::string>());
    const auto& in = vector["inputs"];
    const DhKey si(secret32(in["initiator_static_private"]));
    const DhKey sr(secret32(in["responder_static_private"]));
    const DhKey ei(secret32(in["initiator_ephemeral_private"]));
    const DhKey er(secret32(in["responder_ephemeral_private"]));
    CHECK(si.public_key() == public_key(in["initiator_static_public"]));
    CHECK(sr.public_key() == public_key(in["responder_static_public"]));
    CHECK(ei.public_key() == public_key(in["initiator_ephemeral_public"]));
    CHECK(er.public_key() == public_key(in["responder_ephemeral_public"]));

    Formulas f(vector["initiation"]["steps"], hex_bytes(constants["initial_chaining_key"]),
               hex_bytes(constants["initial_hash"]));
    f.mix_hash(sr.public_key().bytes, "h_after_responder_static");
    f.mix_key<1>(ei.public_key().bytes, {"ck_after_e"});
    f.mix_hash(ei.public_key().bytes, "h_after_e");
    f.mix_dh(ei, sr, "dh_es", {"ck_after_es", "key_static"});
    f.mix_hash(hex_bytes(vector["initiation"]["encrypted_static"]), "h_after_encrypted_static");
    f.mix_dh(si, sr, "dh_ss", {"ck_after_ss", "key_timestamp"});
    f.mix_hash(hex_bytes(vector["initiation"]["encrypted_timestamp"]),
               "h_after_encrypted_timestamp");

    f.go_on_with(vector["response"]["steps"]);
    f.mix_key<1>(er.public_key().bytes, {"ck_after_e"});
    f.mix_hash(er.public_key().bytes, "h_after_e");
    f.mix_dh(er, ei, "dh_ee", {"ck_after_ee"});
    f.mix_dh(er, si, "dh_se", {"ck_after_se"});
    const auto psk = secret32(in["preshared_key"]);
    const auto mixed = f.mix_key<3>(psk.bytes(), {"ck_after_psk", "tau", "key_empty"});
    f.mix_hash(mixed[1].bytes(), "h_after_tau");
    f.mix_hash(hex_bytes(vector["response"]["encrypted_nothing"]), "h_final");
    f.go_on_with(vector["transport_keys"]);
    f.mix_key<2>({}, {"initiator_to_responder", "responder_to_initiator"});
  }
}

TEST_CASE("the protocol's names hash to the published start values") {
  const auto& constants = connlib::testing::wireguard_vectors().at("constants");
  const auto bytes = [&](const char* name) {
    const auto text = constants[name].get<std::string>();
    return std::vector<uint8_t>(text.begin(), text.end());
  };
  const Hash chaining_key = blake2s({bytes("construction")});
  CHECK(to_hex(chaining_key) == constants["initial_chaining_key"]);
  CHECK(to_hex(blake2s({chaining_key, bytes("identifier")})) == constants["initial_hash"]);
}

// The published messages carry valid MACs where the vector says so; here only what they encrypt
// counts.
TEST_CASE("published initiations that were tampered with are dropped at the stage they should be") {
  enum class Stage { kStatic, kTimestamp, kPeer, kAccepted };
  auto [name, expected] = GENERATE(table<std::string, Stage>({
      {"init-low-order-ephemeral", Stage::kStatic},
      {"init-static-tampered-mac1-valid", Stage::kStatic},
      {"init-timestamp-tampered-mac1-valid", Stage::kTimestamp},
      {"init-unknown-static", Stage::kPeer},
      {"init-replayed", Stage::kAccepted},
      {"init-older-timestamp", Stage::kAccepted},
  }));
  CAPTURE(name);
  const PskHandshake psk;
  const auto bytes =
      hex_bytes(named(connlib::testing::wireguard_vectors().at("negative"), name)["message"]);
  const auto message = Initiation::parse(bytes);
  REQUIRE(message.has_value());
  auto opened = open_initiation(psk.responder, *message);
  REQUIRE(opened.has_value() == (expected != Stage::kStatic));
  if (!opened) return;
  CHECK((opened->remote_static == psk.initiator.public_key()) == (expected != Stage::kPeer));
  const auto stamp = open_timestamp(psk.to_initiator, *message, *opened);
  REQUIRE(stamp.has_value() == (expected == Stage::kAccepted));
  if (!stamp) return;
  const auto published = Tai64n::encode(1'700'000'000, 123'456'789);
  CHECK((*stamp < published) == (name == "init-older-timestamp"));
}

TEST_CASE("after a forged response the pending handshake still takes the genuine one") {
  PskHandshake psk;
  std::array<uint8_t, kInitiationBytes> initiation{};
  psk.random.expect(secret32(psk.inputs()["initiator_ephemeral_private"]).bytes());
  const auto pending =
      create_initiation(psk.to_responder, psk.initiator, SessionIndex(1281),
                        Tai64n::encode(1'700'000'000, 123'456'789), psk.random, initiation);
  REQUIRE(pending.has_value());
  const auto& negative = connlib::testing::wireguard_vectors().at("negative");
  const auto forged = hex_bytes(named(negative, "resp-empty-tampered-mac1-valid")["message"]);
  CHECK_FALSE(
      consume_response(psk.to_responder, psk.initiator, *pending, *Response::parse(forged)));
  auto low_order = hex_bytes(psk.vector()["response"]["message"]);
  const auto genuine = low_order;
  std::fill_n(low_order.begin() + 12, 32, uint8_t{0});
  CHECK_FALSE(
      consume_response(psk.to_responder, psk.initiator, *pending, *Response::parse(low_order)));

  const auto keys =
      consume_response(psk.to_responder, psk.initiator, *pending, *Response::parse(genuine));
  REQUIRE(keys.has_value());
  CHECK(to_hex(keys->send.bytes()) == psk.vector()["transport_keys"]["initiator_to_responder"]);
  CHECK(keys->local_index == SessionIndex(1281));
  CHECK(keys->remote_index.value() == psk.inputs()["responder_index_int"]);
}

TEST_CASE("flipping any bit of an encrypted handshake field or its ephemeral makes it fail") {
  PskHandshake psk;
  auto initiation = hex_bytes(psk.vector()["initiation"]["message"]);
  for (size_t position = 8; position < 116; ++position) {
    CAPTURE(position);
    initiation[position] ^= 0x04;
    const auto message = Initiation::parse(initiation);
    auto opened = open_initiation(psk.responder, *message);
    CHECK_FALSE((opened && open_timestamp(psk.to_initiator, *message, *opened)));
    initiation[position] ^= 0x04;
  }
  const auto message = Initiation::parse(initiation);
  auto opened = open_initiation(psk.responder, *message);
  CHECK((opened && open_timestamp(psk.to_initiator, *message, *opened)));
}

TEST_CASE("a low-order public key is never anybody's identity") {
  SeededRandom random(8);
  const DhKey local = DhKey::generate(random);
  const auto& keys = connlib::testing::wireguard_vectors().at(
      "primitives")["x25519_low_order_public_keys_must_be_rejected"];
  for (const auto& low : keys) {
    CHECK_FALSE(RemoteIdentity::create(local, public_key(low), {}).has_value());
  }
}

TEST_CASE("what precedes mac1 is written and nothing behind it") {
  PskHandshake psk;
  std::array<uint8_t, kInitiationBytes> initiation{};
  std::array<uint8_t, kResponseBytes> response{};
  std::fill(initiation.begin() + 116, initiation.end(), uint8_t{0xee});
  std::fill(response.begin() + 60, response.end(), uint8_t{0xee});
  REQUIRE(create_initiation(psk.to_responder, psk.initiator, SessionIndex(7), Tai64n::encode(1, 2),
                            psk.random, initiation)
              .has_value());
  const auto message = Initiation::parse(initiation);
  auto opened = open_initiation(psk.responder, *message);
  REQUIRE((opened && open_timestamp(psk.to_initiator, *message, *opened)));
  REQUIRE(create_response(psk.to_initiator, *opened, SessionIndex(8), psk.random, response)
              .has_value());
  const auto untouched = [](uint8_t byte) { return byte == 0xee; };
  CHECK(std::all_of(initiation.begin() + 116, initiation.end(), untouched));
  CHECK(std::all_of(response.begin() + 60, response.end(), untouched));
}

}  // namespace
}  // namespace connlib::wireguard
