// Every entry of tests/vectors/stun.json, in both directions where there are two.
#include "tests/support/vectors.h"

#include <array>
#include <map>

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/datagram_kind.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::snownet::stun {
namespace {

using connlib::testing::hex_array;
using connlib::testing::hex_bytes;
using connlib::testing::named;
using nlohmann::json;

const json& vectors() { return connlib::testing::stun_vectors(); }

Message parsed(std::span<const uint8_t> bytes) {
  const auto result = parse_message(bytes);
  REQUIRE(std::holds_alternative<Message>(result));
  return std::get<Message>(result);
}

MessageClass cls_of(const json& text) {
  static const std::map<std::string, MessageClass> classes = {
      {"request", MessageClass::kRequest},
      {"indication", MessageClass::kIndication},
      {"success", MessageClass::kSuccess},
      {"error", MessageClass::kError}};
  return classes.at(text.get<std::string>());
}

Method method_of(const json& text) {
  static const std::map<std::string, Method> methods = {
      {"BINDING", Method::kBinding},
      {"ALLOCATE", Method::kAllocate},
      {"REFRESH", Method::kRefresh},
      {"SEND", Method::kSend},
      {"DATA", Method::kData},
      {"CREATE_PERMISSION", Method::kCreatePermission},
      {"CHANNEL_BIND", Method::kChannelBind}};
  return methods.at(text.get<std::string>());
}

void check_message_type(MessageType type, const json& v) {
  CAPTURE(v.dump());
  const auto field = load_be16(hex_array<2>(v.at("type")).data());
  CHECK(encode(type) == field);
  CHECK(decode_message_type(field) == type);
}

TEST_CASE("message types interleave method and class as published") {
  for (const auto& v : vectors().at("message_types")) {
    check_message_type({method_of(v.at("method")), cls_of(v.at("cls"))}, v);
  }
  for (const auto& v : vectors().at("message_types_synthetic")) {
    check_message_type({static_cast<Method>(v.at("method_int").get<uint16_t>()), cls_of(v["cls"])},
                       v);
  }
}

TEST_CASE("the four messages of RFC 5769 verify, and not under another key") {
  REQUIRE(vectors().at("rfc5769").size() == 4);
  for (const auto& v : vectors().at("rfc5769")) {
    CAPTURE(v.at("name"));
    auto bytes = hex_bytes(v.at("message"));
    const Message message = parsed(bytes);
    IntegrityKey key(hex_bytes(v.at("integrity_key")));
    IntegrityKey other = IntegrityKey::short_term("another password");
    CHECK(message.verify_integrity(key));
    CHECK_FALSE(message.verify_integrity(other));
    CHECK(message.has_fingerprint() == v.at("fingerprint"));
    if (v.contains("software")) CHECK(message.software() == v["software"].get<std::string>());
    if (v.contains("priority_int")) CHECK(message.priority() == v["priority_int"]);
    if (v.contains("mapped_address")) {
      CHECK(message.xor_mapped_address() ==
            SocketAddress{*IpAddress::parse(v["mapped_address"].get<std::string>()),
                          v["mapped_port_int"].get<uint16_t>()});
    }
  }
}

TEST_CASE("keys of RFC 5769 derive from their passwords") {
  const auto& request = named(vectors().at("rfc5769"), "sample-request");
  const auto short_bytes = hex_bytes(request["message"]);
  const Message short_term = parsed(short_bytes);
  CHECK(short_term.username() == request["username_text"].get<std::string>());
  CHECK(short_term.ice_controlled() ==
        load_be64(hex_array<8>(request["ice_controlled_hex"]).data()));
  CHECK_FALSE(short_term.ice_controlling().has_value());
  auto password = IntegrityKey::short_term(request["password_text"].get<std::string>());
  CHECK(short_term.verify_integrity(password));

  const auto& other = named(vectors().at("rfc5769"), "sample-request-long-term");
  const auto long_bytes = hex_bytes(other["message"]);
  const Message long_term = parsed(long_bytes);
  const auto username = hex_bytes(other["username_utf8"]);
  CHECK(long_term.username() == std::string(username.begin(), username.end()));
  CHECK(long_term.realm() == other["realm"].get<std::string>());
  CHECK(long_term.nonce() == other["nonce_text"].get<std::string>());
  CHECK(to_hex(long_term_key(*long_term.username(), *long_term.realm(),
                             other["password_after_saslprep"].get<std::string>())
                   .bytes()) == other["integrity_key"]);
}

// Meaning reads what a published attribute says.
struct Meaning {
  const json& attribute;

  std::string text(const char* field = "text") const { return attribute.at(field); }
  uint32_t number(const char* field = "int") const { return attribute.at(field).get<uint32_t>(); }
  std::vector<uint8_t> value() const { return hex_bytes(attribute.at("value")); }
  uint64_t tie_breaker() const { return load_be64(value().data()); }
  AddressFamily family() const { return static_cast<AddressFamily>(number("family_int")); }
  AttributeType type() const {
    return static_cast<AttributeType>(std::stoul(text("type"), nullptr, 16));
  }
  SocketAddress address() const {
    return {*IpAddress::parse(text("address")), static_cast<uint16_t>(number("port_int"))};
  }
  std::vector<AttributeType> types() const {
    std::vector<AttributeType> out;
    const auto bytes = value();
    for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
      out.push_back(static_cast<AttributeType>(load_be16(&bytes[i])));
    }
    return out;
  }
};

using B = MessageBuilder;
using M = Meaning;
using Door = void (*)(B&, const M&);

// The builder's typed doors. What has none is added as its raw value.
const std::map<AttributeType, Door> kDoors = {
    {AttributeType::kUsername, [](B& b, const M& m) { b.add_username(m.text()); }},
    {AttributeType::kRealm, [](B& b, const M& m) { b.add_realm(m.text()); }},
    {AttributeType::kNonce, [](B& b, const M& m) { b.add_nonce(m.text()); }},
    {AttributeType::kSoftware, [](B& b, const M& m) { b.add_software(m.text()); }},
    {AttributeType::kErrorCode,
     [](B& b, const M& m) {
       b.add_error_code(static_cast<ErrorCode>(m.number("code_int")), m.text("reason"));
     }},
    {AttributeType::kUnknownAttributes,
     [](B& b, const M& m) { b.add_unknown_attributes(m.types()); }},
    {AttributeType::kXorMappedAddress,
     [](B& b, const M& m) { b.add_xor_mapped_address(m.address()); }},
    {AttributeType::kXorPeerAddress, [](B& b, const M& m) { b.add_xor_peer_address(m.address()); }},
    {AttributeType::kXorRelayedAddress,
     [](B& b, const M& m) { b.add_xor_relayed_address(m.address()); }},
    {AttributeType::kLifetime,
     [](B& b, const M& m) { b.add_lifetime(std::chrono::seconds(m.number())); }},
    {AttributeType::kChannelNumber,
     [](B& b, const M& m) {
       b.add_channel_number(ChannelNumber(static_cast<uint16_t>(m.number())));
     }},
    {AttributeType::kRequestedTransport,
     [](B& b, const M& m) {
       b.add_requested_transport(static_cast<uint8_t>(m.number("protocol_int")));
     }},
    {AttributeType::kRequestedAddressFamily,
     [](B& b, const M& m) { b.add_requested_address_family(m.family()); }},
    {AttributeType::kAdditionalAddressFamily,
     [](B& b, const M& m) { b.add_additional_address_family(m.family()); }},
    {AttributeType::kData, [](B& b, const M& m) { b.add_data(m.value()); }},
    {AttributeType::kPriority, [](B& b, const M& m) { b.add_priority(m.number()); }},
    {AttributeType::kUseCandidate, [](B& b, const M&) { b.add_use_candidate(); }},
    {AttributeType::kIceControlled,
     [](B& b, const M& m) { b.add_ice_controlled(m.tie_breaker()); }},
    {AttributeType::kIceControlling,
     [](B& b, const M& m) { b.add_ice_controlling(m.tie_breaker()); }},
    {AttributeType::kFingerprint, [](B& b, const M&) { b.add_fingerprint(); }},
};

void add_by_meaning(MessageBuilder& builder, const json& attribute, IntegrityKey* key) {
  const Meaning meaning{attribute};
  if (meaning.type() == AttributeType::kMessageIntegrity) {
    REQUIRE(key != nullptr);
    builder.add_integrity(*key);
  } else if (const auto door = kDoors.find(meaning.type()); door != kDoors.end()) {
    door->second(builder, meaning);
  } else {
    builder.add(meaning.type(), meaning.value());
  }
}

std::optional<IntegrityKey> key_of(const json& v) {
  if (v.at("integrity_key").is_null()) return std::nullopt;
  return IntegrityKey(hex_bytes(v["integrity_key"]));
}

TEST_CASE("every vector is written byte for byte from its meaning") {
  REQUIRE(vectors().at("messages").size() == 54);
  for (const auto& v : vectors().at("messages")) {
    CAPTURE(v.at("name"));
    const auto& decoded = v.at("decoded");
    auto key = key_of(v);
    std::array<uint8_t, 1500> buffer{};
    MessageBuilder builder(
        buffer,
        {static_cast<Method>(decoded.at("method_int").get<uint16_t>()), cls_of(decoded.at("cls"))},
        {hex_array<12>(decoded.at("transaction_id"))});
    for (const auto& attribute : decoded.at("attributes")) {
      add_by_meaning(builder, attribute, key ? &*key : nullptr);
    }
    const auto message = builder.finish();
    REQUIRE(message.has_value());
    CHECK(to_hex(*message) == v.at("message"));
  }
}

void check_meaning(const Message& message, const json& attribute) {
  CAPTURE(attribute.dump());
  const std::string name = attribute.at("name");
  if (attribute.contains("text")) {
    const auto text = attribute["text"].get<std::string>();
    const std::map<std::string, std::optional<std::string_view>> texts = {
        {"USERNAME", message.username()},
        {"REALM", message.realm()},
        {"NONCE", message.nonce()},
        {"SOFTWARE", message.software()}};
    CHECK(texts.at(name) == text);
  } else if (attribute.contains("address")) {
    const SocketAddress address{*IpAddress::parse(attribute["address"].get<std::string>()),
                                attribute["port_int"].get<uint16_t>()};
    const std::map<std::string, std::optional<SocketAddress>> addresses = {
        {"XOR-MAPPED-ADDRESS", message.xor_mapped_address()},
        {"XOR-PEER-ADDRESS", message.xor_peer_address()},
        {"XOR-RELAYED-ADDRESS", message.xor_relayed_address(address.ip.family())}};
    CHECK(addresses.at(name) == address);
  } else if (attribute.contains("code_int")) {
    REQUIRE(message.error().has_value());
    CHECK(static_cast<uint16_t>(message.error()->code) == attribute["code_int"]);
    CHECK(message.error()->reason == attribute["reason"].get<std::string>());
    CHECK(reason_phrase(message.error()->code) == attribute["reason"].get<std::string>());
  } else if (name == "LIFETIME") {
    CHECK(message.lifetime() == std::chrono::seconds(attribute["int"].get<uint32_t>()));
  } else if (name == "CHANNEL-NUMBER") {
    CHECK(message.channel_number() == ChannelNumber(attribute["int"].get<uint16_t>()));
  } else if (name == "PRIORITY") {
    CHECK(message.priority() == attribute["int"].get<uint32_t>());
  } else if (name == "REQUESTED-TRANSPORT") {
    CHECK(message.requested_transport() == attribute["protocol_int"].get<uint8_t>());
  } else if (attribute.contains("family_int")) {
    const auto family = static_cast<AddressFamily>(attribute["family_int"].get<uint8_t>());
    CHECK((name == "REQUESTED-ADDRESS-FAMILY" ? message.requested_address_family()
                                              : message.additional_address_family()) == family);
  } else if (name == "ICE-CONTROLLING") {
    CHECK(message.ice_controlling() == load_be64(hex_array<8>(attribute["value"]).data()));
  } else if (name == "ICE-CONTROLLED") {
    CHECK(message.ice_controlled() == load_be64(hex_array<8>(attribute["value"]).data()));
  } else if (name == "USE-CANDIDATE") {
    CHECK(message.use_candidate());
  } else if (name == "DATA") {
    REQUIRE(message.data().has_value());
    CHECK(to_hex(*message.data()) == attribute["value"]);
  } else {
    CHECK((name == "unknown" || name == "UNKNOWN-ATTRIBUTES"));
  }
}

TEST_CASE("every vector is read as what it means") {
  for (const auto& v : vectors().at("messages")) {
    CAPTURE(v.at("name"));
    const auto bytes = hex_bytes(v.at("message"));
    const Message message = parsed(bytes);
    const auto& decoded = v.at("decoded");
    CHECK(static_cast<uint16_t>(message.method()) == decoded.at("method_int"));
    CHECK(message.cls() == cls_of(decoded.at("cls")));
    CHECK(to_hex(message.transaction_id().bytes) == decoded.at("transaction_id"));

    auto key = key_of(v);
    CHECK(message.has_integrity() == key.has_value());
    CHECK(message.has_fingerprint() == v.at("fingerprint"));
    if (key) CHECK(message.verify_integrity(*key));

    auto listed = message.attributes().begin();
    for (const auto& attribute : decoded.at("attributes")) {
      const std::string name = attribute.at("name");
      if (name == "MESSAGE-INTEGRITY" || name == "FINGERPRINT") continue;
      REQUIRE(listed != std::default_sentinel);
      CHECK(static_cast<unsigned>(listed->type) ==
            std::stoul(attribute.at("type").get<std::string>(), nullptr, 16));
      CHECK(to_hex(listed->value) == attribute.at("value"));
      if (name != "unknown") CHECK(stun::name(listed->type) == name);
      check_meaning(message, attribute);
      ++listed;
    }
    CHECK(listed == std::default_sentinel);
  }
}

TEST_CASE("malformed vectors are told apart: no STUN, a malformed request, a wrong fingerprint") {
  using enum ParseError;
  const std::map<std::string, ParseError> expected = {{"empty", kNotStun},
                                                      {"truncated-header", kNotStun},
                                                      {"bad-magic-cookie", kNotStun},
                                                      {"top-bits-set", kNotStun},
                                                      {"length-too-long", kNotStun},
                                                      {"length-too-short", kNotStun},
                                                      {"length-not-multiple-of-4", kNotStun},
                                                      {"attribute-overrun", kMalformed},
                                                      {"fingerprint-wrong", kWrongFingerprint},
                                                      {"peer-address-family-3", kMalformed},
                                                      {"peer-address-v6-with-4-bytes", kMalformed}};
  size_t refused = 0;
  for (const auto& v : vectors().at("malformed")) {
    const std::string name = v.at("name");
    CAPTURE(name);
    const auto bytes = hex_bytes(v.at("message"));
    const auto result = parse_message(bytes);
    const auto error = expected.find(name);
    if (error == expected.end()) {
      CHECK(std::holds_alternative<Message>(result));
      continue;
    }
    ++refused;
    REQUIRE(std::holds_alternative<ParseError>(result));
    CHECK(std::get<ParseError>(result) == error->second);
    // A server needs type and transaction id to answer 400.
    CHECK(parse_header(bytes).has_value() == (error->second != kNotStun));
  }
  CHECK(refused == expected.size());
}

TEST_CASE("a flipped byte fails integrity, a late LIFETIME does not count, a response is known") {
  IntegrityKey key(hex_bytes(vectors().at("relay_passwords").at(0).at("long_term_key")));
  const auto flipped =
      hex_bytes(named(vectors().at("malformed"), "allocate-request-byte-flipped")["message"]);
  CHECK_FALSE(parsed(flipped).verify_integrity(key));
  const auto late =
      hex_bytes(named(vectors().at("malformed"), "lifetime-after-message-integrity")["message"]);
  CHECK(parsed(late).verify_integrity(key));
  CHECK_FALSE(parsed(late).lifetime().has_value());
  const auto response = hex_bytes(named(vectors().at("malformed"), "response-to-relay")["message"]);
  CHECK(parse_header(response)->type.cls == MessageClass::kSuccess);
}

TEST_CASE("ChannelData vectors are accepted and refused as listed, and written back") {
  for (const auto& v : vectors().at("channel_data")) {
    CAPTURE(v.at("name"));
    const auto bytes = hex_bytes(v.at("message"));
    const auto frame = parse_channel_data(bytes);
    REQUIRE(frame.has_value() == v.at("valid"));
    if (!frame) continue;
    CHECK(frame->channel.value() == v.at("channel_int"));
    CHECK(to_hex(frame->payload) == v.at("payload"));
    std::array<uint8_t, kChannelDataHeaderBytes> header{};
    write_channel_data_header(header, frame->channel, frame->payload.size());
    CHECK(to_hex(header) == v["message"].get<std::string>().substr(0, 8));
  }
}

TEST_CASE("the first byte says whom a datagram is for") {
  const std::map<std::string, DatagramKind> kinds = {{"STUN", DatagramKind::kStun},
                                                     {"ChannelData", DatagramKind::kChannelData},
                                                     {"not for the relay", DatagramKind::kOther}};
  int covered = 0;
  for (const auto& v : vectors().at("demultiplex_by_first_byte")) {
    for (int first = v.at("first"); first <= v.at("last"); ++first, ++covered) {
      CAPTURE(first);
      const auto byte = static_cast<uint8_t>(first);
      CHECK(datagram_kind({&byte, 1}) == kinds.at(v.at("kind").get<std::string>()));
    }
  }
  CHECK(covered == 256);
  CHECK(datagram_kind({}) == DatagramKind::kOther);
}

TEST_CASE("relay passwords and their long-term keys derive as published") {
  for (const auto& v : vectors().at("relay_passwords")) {
    CAPTURE(v.at("username"));
    const auto text = v.at("username").get<std::string>();
    const auto username = RelayUsername::parse(text);
    REQUIRE(username.has_value());
    CHECK(username->expires_at_unix_seconds == v.at("expiry_int"));
    CHECK(username->salt == v.at("salt").get<std::string>());
    const RelayPassword password(*username, v.at("relay_secret").get<std::string>());
    CHECK(password.text() == v.at("password").get<std::string>());
    if (!v.contains("long_term_key")) continue;
    CHECK(v.at("realm") == std::string(kRelayRealm));
    CHECK(to_hex(long_term_key(text, kRelayRealm, password.text()).bytes()) == v["long_term_key"]);
  }
}

TEST_CASE("relay usernames are accepted and refused as listed") {
  for (const auto& v : vectors().at("usernames")) {
    CAPTURE(v.at("username"), v.at("note"));
    const auto text = v.at("username").get<std::string>();
    CHECK(RelayUsername::parse(text).has_value() == v.at("valid"));
  }
}

}  // namespace
}  // namespace connlib::snownet::stun
