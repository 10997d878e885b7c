#include "snownet/stun/message.h"

#include <array>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "connlib/base/random_source.h"
#include "snownet/stun/fingerprint.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/utf8.h"

namespace connlib::snownet::stun {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr TransactionId kId{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};

Bytes hex(std::string_view text) { return from_hex(text).value(); }

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// An Allocate request whose attributes are `body`, as hex: what no builder of ours would write.
Bytes request_with(const Bytes& body) {
  REQUIRE(body.size() % 4 == 0);
  Bytes bytes = hex("000300002112a4420102030405060708090a0b0c");
  store_be16(bytes.data() + 2, static_cast<uint16_t>(body.size()));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

Bytes attribute(uint16_t type, std::span<const uint8_t> value) {
  Bytes bytes(kAttributeHeaderBytes + padded(value.size()));
  store_be16(bytes.data(), type);
  store_be16(bytes.data() + 2, static_cast<uint16_t>(value.size()));
  std::copy(value.begin(), value.end(), bytes.begin() + kAttributeHeaderBytes);
  return bytes;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// The message, which borrows from `bytes`; fails the test when there is none.
Message parsed(const Bytes& bytes) {
  const auto result = parse_message(bytes);
  REQUIRE(std::holds_alternative<Message>(result));
  return std::get<Message>(result);
}

std::optional<ParseError> error_of(const Bytes& bytes) {
  const auto result = parse_message(bytes);
  const auto* error = std::get_if<ParseError>(&result);
  return error ? std::optional(*error) : std::nullopt;
}

TEST_CASE("attributes whose value cannot be right make a message malformed") {
  const auto [what, body, ok] = GENERATE(table<std::string, std::string, bool>({
      {"value one byte longer than the message", "0006000561626364", false},
      {"value of 65535 bytes", "0006ffff61626364", false},
      {"second attribute whose padding would overrun", "000d0004000000010006000161000000ff010001",
       false},
      {"USERNAME that is not UTF-8", "00060004616263ff", false},
      {"USERNAME, empty", "00060000", true},
      {"REALM with an overlong slash", "00140002c0af0000", false},
      {"NONCE with a surrogate", "00150003eda08000", false},
      {"SOFTWARE cut inside a character", "80220002e3830000", false},
      {"LIFETIME of 3 bytes", "000d000300000a00", false},
      {"LIFETIME of 8 bytes", "000d00080000000a00000000", false},
      {"CHANNEL-NUMBER of 2 bytes", "000c000240000000", false},
      {"CHANNEL-NUMBER out of range is a value, not a form", "000c00047fff0000", true},
      {"REQUESTED-TRANSPORT of 1 byte", "0019000111000000", false},
      {"REQUESTED-ADDRESS-FAMILY of 1 byte", "0017000101000000", false},
      {"REQUESTED-ADDRESS-FAMILY with family 9: answered 440, not 400", "0017000409000000", true},
      {"ADDITIONAL-ADDRESS-FAMILY, empty", "80000000", false},
      {"XOR-MAPPED-ADDRESS, empty", "00200000", false},
      {"XOR-MAPPED-ADDRESS of 3 bytes", "0020000300010000", false},
      {"XOR-PEER-ADDRESS: IPv4 with 16 bytes", "001200140001000000000000000000000000000000000000",
       false},
      {"XOR-RELAYED-ADDRESS with family 0", "001600080000000001020304", false},
      {"XOR-PEER-ADDRESS whose reserved byte is not zero", "00120008ff01000001020304", true},
      {"ERROR-CODE of 3 bytes", "0009000300000400", false},
      {"ERROR-CODE of class 2", "0009000400000201", false},
      {"ERROR-CODE of class 7", "0009000400000701", false},
      {"ERROR-CODE of number 100", "0009000400000464", false},
      {"ERROR-CODE with reserved bits set and NULs for a reason", "00090008fffffc0100000000", true},
      {"UNKNOWN-ATTRIBUTES of odd length", "000a0003000100ff", false},
      {"PRIORITY of 8 bytes", "002400080000000000000000", false},
      {"USE-CANDIDATE with a value", "0025000400000000", false},
      {"ICE-CONTROLLING of 4 bytes", "802a000400000000", false},
      {"ICE-CONTROLLED of 12 bytes", "8029000c000000000000000000000000", false},
      {"MESSAGE-INTEGRITY of 16 bytes", "0008001000000000000000000000000000000000", false},
      {"MESSAGE-INTEGRITY of 32 bytes",
       "000800200000000000000000000000000000000000000000000000000000000000000000", false},
      {"FINGERPRINT of 8 bytes", "802800080000000000000000", false},
      {"MAPPED-ADDRESS may hold anything", "0001000401020304", true},
      {"an unknown optional attribute may hold anything", "ff0100030102ff00", true},
  }));
  CAPTURE(what);
  const Bytes bytes = request_with(hex(body));
  CHECK(error_of(bytes) == (ok ? std::nullopt : std::optional(ParseError::kMalformed)));
  CHECK(parse_header(bytes)->transaction_id == kId);
}

TEST_CASE("text may be as long as the protocol allows, in characters, and no longer") {
  const std::string umlaut = "\xc3\xbc";
  std::string wide;
  for (int i = 0; i < 127; ++i) wide += umlaut;
  const auto [type, text, ok] = GENERATE_COPY(table<uint16_t, std::string, bool>({
      {uint16_t{0x0006}, std::string(512, 'u'), true},
      {uint16_t{0x0006}, std::string(513, 'u'), false},
      {uint16_t{0x0014}, std::string(127, 'r'), true},
      {uint16_t{0x0014}, std::string(128, 'r'), false},
      {uint16_t{0x0015}, wide, true},
      {uint16_t{0x0015}, wide + umlaut, false},
      {uint16_t{0x8022}, std::string(127, 's'), true},
      {uint16_t{0x8022}, std::string(128, 's'), false},
  }));
  CAPTURE(type, text.size());
  CHECK(error_of(request_with(attribute(type, as_bytes(text)))).has_value() == !ok);
}

TEST_CASE("a message has at most 32 attributes") {
  Bytes body;
  for (int i = 0; i < 32; ++i) body = joined({body, attribute(0xff00, {})});
  CHECK_FALSE(error_of(request_with(body)).has_value());
  CHECK(error_of(request_with(joined({body, attribute(0xff00, {})}))) == ParseError::kMalformed);
  // Those behind MESSAGE-INTEGRITY count as well: they cost as much to walk.
  body = attribute(0x0008, Bytes(20));
  for (int i = 0; i < 31; ++i) body = joined({body, attribute(0xff00, {})});
  CHECK_FALSE(error_of(request_with(body)).has_value());
  CHECK(error_of(request_with(joined({body, attribute(0xff00, {})}))) == ParseError::kMalformed);
}

TEST_CASE("of a repeated attribute the first counts") {
  const Bytes bytes = request_with(
      joined({attribute(0x000d, hex("00000001")), attribute(0x000d, hex("00000002")),
              attribute(0x0006, as_bytes("first")), attribute(0x0006, as_bytes("second"))}));
  CHECK(parsed(bytes).lifetime() == std::chrono::seconds(1));
  CHECK(parsed(bytes).username() == "first");
  // All the same, none of them may be malformed.
  CHECK(error_of(request_with(joined({attribute(0x000d, hex("00000001")),
                                      attribute(0x000d, hex("0000"))}))) == ParseError::kMalformed);
}

TEST_CASE("relayed addresses are told apart by family, repeated peers are listed") {
  std::array<uint8_t, 256> buffer{};
  const SocketAddress v4 = *SocketAddress::parse("203.0.113.10:54321");
  const SocketAddress v6 = *SocketAddress::parse("[2001:db8:10::10]:54321");
  MessageBuilder builder(buffer, {Method::kAllocate, MessageClass::kSuccess}, kId);
  builder.add_xor_relayed_address(v6).add_xor_relayed_address(v4);
  builder.add_xor_peer_address(v4).add_xor_peer_address(v6);
  const auto written = builder.finish();
  const Bytes bytes(written->begin(), written->end());
  const Message message = parsed(bytes);
  CHECK(message.xor_relayed_address(IpFamily::kV4) == v4);
  CHECK(message.xor_relayed_address(IpFamily::kV6) == v6);
  std::vector<SocketAddress> peers;
  for (const Attribute& a : message.attributes()) {
    if (a.type == AttributeType::kXorPeerAddress)
      peers.push_back(*decode_xor_address(a.value, kId));
  }
  CHECK(peers == std::vector<SocketAddress>{v4, v6});
}

TEST_CASE("an absent attribute is nothing, not zero") {
  const Bytes bytes = request_with({});
  const Message message = parsed(bytes);
  CHECK_FALSE(message.username().has_value());
  CHECK_FALSE(message.error().has_value());
  CHECK_FALSE(message.xor_mapped_address().has_value());
  CHECK_FALSE(message.xor_relayed_address(IpFamily::kV6).has_value());
  CHECK_FALSE(message.lifetime().has_value());
  CHECK_FALSE(message.channel_number().has_value());
  CHECK_FALSE(message.requested_transport().has_value());
  CHECK_FALSE(message.priority().has_value());
  CHECK_FALSE(message.ice_controlling().has_value());
  CHECK_FALSE(message.use_candidate());
  CHECK_FALSE(message.has_integrity());
  CHECK_FALSE(message.has_fingerprint());
  CHECK(message.unknown_required().empty());
  IntegrityKey key = IntegrityKey::short_term("any");
  CHECK_FALSE(message.verify_integrity(key));
}

TEST_CASE("unknown comprehension-required attributes are listed once, in order") {
  const Bytes bytes = request_with(
      joined({attribute(0x7f01, {}), attribute(0xff01, {}), attribute(0x0006, as_bytes("u")),
              attribute(0x0018, hex("80")), attribute(0x7f01, hex("01")), attribute(0x001a, {}),
              attribute(0x0022, Bytes(8)), attribute(0x8023, {}), attribute(0x0008, Bytes(20)),
              attribute(0x7f02, {})}));
  const auto unknown = parsed(bytes).unknown_required();
  const std::vector<AttributeType> types(unknown.types().begin(), unknown.types().end());
  // EVEN-PORT, DONT-FRAGMENT and RESERVATION-TOKEN have names, and that is all we know of them.
  CHECK(types == std::vector<AttributeType>{static_cast<AttributeType>(0x7f01),
                                            AttributeType::kEvenPort, AttributeType::kDontFragment,
                                            AttributeType::kReservationToken});
}

TEST_CASE("32 unknown attributes are all listed and more cannot be") {
  Bytes body;
  for (uint16_t i = 0; i < 32; ++i) {
    body = joined({body, attribute(static_cast<uint16_t>(0x7000 + i), {})});
  }
  const Bytes bytes = request_with(body);
  auto unknown = parsed(bytes).unknown_required();
  CHECK(unknown.types().size() == 32);
  unknown.add(static_cast<AttributeType>(0x7fff));
  CHECK(unknown.types().size() == 32);
}

TEST_CASE("what follows MESSAGE-INTEGRITY is neither read nor judged") {
  std::array<uint8_t, 256> buffer{};
  IntegrityKey key = IntegrityKey::short_term("secret");
  MessageBuilder builder(buffer, {Method::kAllocate, MessageClass::kRequest}, kId);
  const auto signed_message = builder.add_username("u").add_integrity(key).finish();
  Bytes bytes(signed_message->begin(), signed_message->end());
  const Bytes extra = joined({attribute(0x0014, hex("ff")), attribute(0x7f01, {}),
                              attribute(0x0025, {}), attribute(0x0008, Bytes(20))});
  bytes.insert(bytes.end(), extra.begin(), extra.end());
  store_be16(bytes.data() + 2, static_cast<uint16_t>(bytes.size() - kHeaderBytes));
  const Message message = parsed(bytes);
  CHECK(message.verify_integrity(key));
  CHECK_FALSE(message.realm().has_value());
  CHECK_FALSE(message.use_candidate());
  CHECK(message.unknown_required().empty());
  CHECK(std::distance(message.attributes().begin()->value.begin(),
                      message.attributes().begin()->value.end()) == 1);
  // Its bounds are still those of the message.
  bytes.erase(bytes.end() - 4, bytes.end());
  store_be16(bytes.data() + 2, static_cast<uint16_t>(bytes.size() - kHeaderBytes));
  CHECK(error_of(bytes) == ParseError::kMalformed);
}

// `body` with a right FINGERPRINT behind it.
Bytes fingerprinted(const Bytes& body) {
  Bytes bytes = request_with(joined({body, attribute(0x8028, Bytes(4))}));
  const auto covered = std::span(bytes).first(bytes.size() - 8);
  store_be32(bytes.data() + bytes.size() - 4, fingerprint({covered}));
  return bytes;
}

TEST_CASE("FINGERPRINT is found behind ignored attributes, and must be right and last") {
  const Bytes body = joined({attribute(0x0008, Bytes(20)), attribute(0x7f01, {})});
  Bytes bytes = fingerprinted(body);
  CHECK(parsed(bytes).has_fingerprint());
  bytes[8] ^= 1;
  CHECK(error_of(bytes) == ParseError::kWrongFingerprint);
  CHECK(error_of(request_with(joined({attribute(0x8028, Bytes(4)), attribute(0xff01, {})}))) ==
        ParseError::kMalformed);
  const Bytes twice = joined({attribute(0x8028, Bytes(4)), attribute(0x8028, Bytes(4))});
  CHECK(error_of(request_with(twice)) == ParseError::kMalformed);
}

TEST_CASE("padding may hold anything and is part of what was signed") {
  std::array<uint8_t, 256> buffer{};
  IntegrityKey key = IntegrityKey::short_term("secret");
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kRequest}, kId);
  const auto written = builder.add_username("u").add_integrity(key).finish();
  Bytes bytes(written->begin(), written->end());
  REQUIRE(bytes[25] == 0);
  bytes[25] = 0x20;
  CHECK(parsed(bytes).username() == "u");
  CHECK_FALSE(parsed(bytes).verify_integrity(key));
}

TEST_CASE("every prefix of a message is refused") {
  std::array<uint8_t, 256> buffer{};
  IntegrityKey key = IntegrityKey::short_term("secret");
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kRequest}, kId);
  const auto written = builder.add_username("ufrag").add_integrity(key).add_fingerprint().finish();
  for (size_t size = 0; size < written->size(); ++size) {
    CAPTURE(size);
    CHECK(error_of(Bytes(written->begin(), written->begin() + static_cast<std::ptrdiff_t>(size))) ==
          ParseError::kNotStun);
  }
}

TEST_CASE("no changed bit passes integrity and fingerprint") {
  std::array<uint8_t, 256> buffer{};
  IntegrityKey key = IntegrityKey::short_term("secret");
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kRequest}, kId);
  builder.add_username("a:b").add_priority(7).add_ice_controlling(1).add_integrity(key);
  const bool with_fingerprint = GENERATE(false, true);
  if (with_fingerprint) builder.add_fingerprint();
  const auto written = builder.finish();
  Bytes bytes(written->begin(), written->end());
  REQUIRE(parsed(bytes).verify_integrity(key));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    CAPTURE(bit);
    const auto mask = static_cast<uint8_t>(1U << (bit % 8));
    bytes[bit / 8] ^= mask;
    const auto result = parse_message(bytes);
    if (const auto* message = std::get_if<Message>(&result)) {
      // The type of the last attribute may turn into one that is ignored behind the signature.
      const bool in_fingerprint = with_fingerprint && bit / 8 >= bytes.size() - 8;
      CHECK((in_fingerprint || !message->verify_integrity(key)));
      CHECK_FALSE(message->has_fingerprint());
    }
    bytes[bit / 8] ^= mask;
  }
}

TEST_CASE("UTF-8 is counted in characters and must be well-formed") {
  const auto [text, characters] = GENERATE(table<std::string, std::optional<size_t>>({
      {"", 0},
      {"616263", 3},
      {"00", 1},
      {"7f", 1},
      {"c280dfbf", 2},
      {"e0a080efbfbf", 2},
      {"ed9fbfee8080", 2},
      {"f0908080f48fbfbf", 2},
      {"80", std::nullopt},
      {"c1bf", std::nullopt},
      {"c3", std::nullopt},
      {"c328", std::nullopt},
      {"e09fbf", std::nullopt},
      {"eda080", std::nullopt},
      {"e28228", std::nullopt},
      {"f08fbfbf", std::nullopt},
      {"f4908080", std::nullopt},
      {"f0908028", std::nullopt},
      {"f5808080", std::nullopt},
      {"ff", std::nullopt},
  }));
  CAPTURE(text);
  CHECK(utf8_characters(hex(text)) == characters);
}

}  // namespace
}  // namespace connlib::snownet::stun
