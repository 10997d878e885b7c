#include "wireguard/noise/messages.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/base/hex.h"
#include "connlib/base/random_source.h"
#include "tests/support/vectors.h"
#include "wireguard/crypto/aead.h"

namespace connlib::wireguard {
namespace {

using connlib::testing::hex_bytes;
using connlib::testing::named;
using connlib::testing::public_key;
using connlib::testing::secret32;
using connlib::testing::wireguard_vectors;

std::vector<uint8_t> message_of(uint32_t type, size_t length) {
  std::vector<uint8_t> datagram(std::max<size_t>(length, 4));
  store_le32(datagram.data(), type);
  datagram.resize(length);
  return datagram;
}

TEST_CASE("messages are told apart by type word and exact length") {
  auto [type, length, expected] = GENERATE(table<uint32_t, size_t, std::optional<MessageType>>({
      {1, 148, MessageType::kInitiation},
      {1, 147, std::nullopt},
      {1, 149, std::nullopt},
      {2, 92, MessageType::kResponse},
      {2, 91, std::nullopt},
      {2, 93, std::nullopt},
      {2, 148, std::nullopt},
      {3, 64, MessageType::kCookieReply},
      {3, 63, std::nullopt},
      {3, 65, std::nullopt},
      {4, 32, MessageType::kData},
      {4, 31, std::nullopt},
      {4, 33, MessageType::kData},
      {4, 65535, MessageType::kData},
      {4, 3, std::nullopt},
      {4, 0, std::nullopt},
      {0, 64, std::nullopt},
      {5, 64, std::nullopt},
      {0x01000001, 148, std::nullopt},
      {0x00000102, 92, std::nullopt},
      {0x00010003, 64, std::nullopt},
      {0x00000104, 32, std::nullopt},
      {0x01000000, 148, std::nullopt},
  }));
  CAPTURE(type, length);
  const auto datagram = message_of(type, length);
  CHECK(classify(datagram) == expected);
  CHECK(Initiation::parse(datagram).has_value() == (expected == MessageType::kInitiation));
  CHECK(Response::parse(datagram).has_value() == (expected == MessageType::kResponse));
  CHECK(CookieReply::parse(datagram).has_value() == (expected == MessageType::kCookieReply));
  CHECK(DataHeader::parse(datagram).has_value() == (expected == MessageType::kData));
  CHECK(MacFields::parse(datagram).has_value() ==
        (expected == MessageType::kInitiation || expected == MessageType::kResponse));
  CHECK(receiver_index(datagram).has_value() ==
        (expected.has_value() && expected != MessageType::kInitiation));
}

TEST_CASE("published messages of illegal shape are not WireGuard") {
  const std::string name = GENERATE("init-reserved-not-zero", "init-short", "init-long",
                                    "data-31-bytes", "unknown-type");
  CAPTURE(name);
  const auto message = hex_bytes(named(wireguard_vectors().at("negative"), name)["message"]);
  CHECK_FALSE(classify(message).has_value());
  CHECK_FALSE(MacFields::parse(message).has_value());
  CHECK_FALSE(receiver_index(message).has_value());
}

TEST_CASE("every field of the published handshake messages is found where it lies") {
  for (const auto& vector : wireguard_vectors().at("handshakes")) {
    CAPTURE(vector["name"].get<std::string>());
    const auto& in = vector["inputs"];
    const auto& sent = vector["initiation"];
    const auto initiation_bytes = hex_bytes(sent["message"]);
    const auto initiation = Initiation::parse(initiation_bytes);
    REQUIRE(initiation.has_value());
    CHECK(initiation->sender.value() == in["initiator_index_int"]);
    CHECK(initiation->ephemeral == public_key(in["initiator_ephemeral_public"]));
    CHECK(to_hex(initiation->encrypted_static) == sent["encrypted_static"]);
    CHECK(to_hex(initiation->encrypted_timestamp) == sent["encrypted_timestamp"]);
    CHECK_FALSE(receiver_index(initiation_bytes).has_value());

    const auto& answered = vector["response"];
    const auto response_bytes = hex_bytes(answered["message"]);
    const auto response = Response::parse(response_bytes);
    REQUIRE(response.has_value());
    CHECK(response->sender.value() == in["responder_index_int"]);
    CHECK(response->receiver.value() == in["initiator_index_int"]);
    CHECK(response->ephemeral == public_key(in["responder_ephemeral_public"]));
    CHECK(to_hex(response->encrypted_nothing) == answered["encrypted_nothing"]);
    CHECK(receiver_index(response_bytes) == response->receiver);

    for (const auto& [bytes, expected] :
         {std::pair(&initiation_bytes, &sent), std::pair(&response_bytes, &answered)}) {
      const auto macs = MacFields::parse(*bytes);
      REQUIRE(macs.has_value());
      CHECK(macs->alpha.size() == bytes->size() - 32);
      CHECK(macs->beta.size() == bytes->size() - 16);
      CHECK(macs->alpha.data() == bytes->data());
      CHECK(to_hex(macs->mac1) == (*expected)["mac1"]);
      CHECK(to_hex(macs->mac2) == (*expected)["mac2"]);
    }
  }
}

TEST_CASE("every field of the published cookie replies is found where it lies") {
  for (const auto& vector : wireguard_vectors().at("cookies")) {
    CAPTURE(vector["name"].get<std::string>());
    const auto message = hex_bytes(vector["message"]);
    const auto reply = CookieReply::parse(message);
    REQUIRE(reply.has_value());
    CHECK(reply->receiver.value() == vector["receiver_index_int"]);
    CHECK(to_hex(reply->nonce) == vector["nonce"]);
    CHECK(to_hex(reply->encrypted_cookie) == to_hex(std::span(message).last(32)));
    CHECK(receiver_index(message) == reply->receiver);
  }
}

TEST_CASE("published data messages are written and read byte for byte") {
  const auto& keys = named(wireguard_vectors().at("handshakes"), "psk")["transport_keys"];
  for (const auto& vector : wireguard_vectors().at("transport")) {
    CAPTURE(vector["name"].get<std::string>());
    REQUIRE(vector["handshake"] == "psk");
    const auto key = secret32(keys[vector["direction"].get<std::string>()]);
    const auto plaintext = hex_bytes(vector["plaintext"]);
    const uint64_t counter = std::stoull(vector["counter_dec"].get<std::string>());
    const DataHeader header{SessionIndex(vector["receiver_index_int"].get<uint32_t>()), counter};

    std::vector<uint8_t> written(kDataHeaderBytes);
    header.write(std::span(written).first<kDataHeaderBytes>());
    written.insert(written.end(), plaintext.begin(), plaintext.end());
    written.resize(written.size() + kTagBytes);
    SealingKey(key).seal(counter, std::span(written).subspan(kDataHeaderBytes));
    CHECK(to_hex(written) == vector["message"]);

    const auto parsed = DataHeader::parse(written);
    REQUIRE(parsed.has_value());
    CHECK(parsed->receiver == header.receiver);
    CHECK(parsed->counter == counter);
    CHECK(receiver_index(written) == header.receiver);
    const auto payload = std::span(written).subspan(kDataHeaderBytes);
    REQUIRE(OpeningKey(key).open(parsed->counter, payload));
    CHECK(to_hex(payload.first(plaintext.size())) == vector["plaintext"]);
  }
}

TEST_CASE("published data messages that were tampered with do not open") {
  const std::string name = GENERATE("data-tag-tampered", "data-counter-tampered");
  CAPTURE(name);
  const auto& keys = named(wireguard_vectors().at("handshakes"), "psk")["transport_keys"];
  auto message = hex_bytes(named(wireguard_vectors().at("negative"), name)["message"]);
  const auto header = DataHeader::parse(message);
  REQUIRE(header.has_value());
  OpeningKey key(secret32(keys["initiator_to_responder"]));
  CHECK_FALSE(key.open(header->counter, std::span(message).subspan(kDataHeaderBytes)));
}

TEST_CASE("random bytes of any length are read without harm") {
  SeededRandom random(41);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> datagram(random.below(200));
    random.fill(datagram);
    if (datagram.size() >= 4) store_le32(datagram.data(), static_cast<uint32_t>(random.below(6)));
    const auto type = classify(datagram);
    CHECK(MacFields::parse(datagram).has_value() ==
          (Initiation::parse(datagram) || Response::parse(datagram)));
    CHECK(receiver_index(datagram).has_value() ==
          (type.has_value() && type != MessageType::kInitiation));
  }
}

}  // namespace
}  // namespace connlib::wireguard
