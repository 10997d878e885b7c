#include "snownet/stun/message_builder.h"

#include <array>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "snownet/stun/message.h"

namespace connlib::snownet::stun {
namespace {

constexpr TransactionId kId{{9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2}};
constexpr MessageType kRequest{Method::kBinding, MessageClass::kRequest};

std::optional<std::span<uint8_t>> write_check(std::span<uint8_t> out, IntegrityKey& key) {
  MessageBuilder builder(out, kRequest, kId);
  builder.add_username("Zy9+:aB3d").add_priority(1).add_ice_controlled(2).add_use_candidate();
  builder.add_error_code(ErrorCode::kRoleConflict);
  builder.add_xor_mapped_address(*SocketAddress::parse("[2001:db8::1]:9"));
  builder.add_integrity(key).add_fingerprint();
  return builder.finish();
}

TEST_CASE("a message that does not fit fails as a whole and stays inside the span") {
  IntegrityKey key = IntegrityKey::short_term("password");
  std::array<uint8_t, 512> whole{};
  const size_t needed = write_check(whole, key)->size();
  for (size_t room = 0; room <= needed; ++room) {
    CAPTURE(room);
    std::vector<uint8_t> buffer(needed + 64, 0xee);
    const auto written = write_check(std::span(buffer).first(room), key);
    CHECK(written.has_value() == (room == needed));
    CHECK(std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(room), buffer.end(),
                      [](uint8_t byte) { return byte == 0xee; }));
  }
}

TEST_CASE("text longer than the protocol allows spoils the message") {
  std::array<uint8_t, 2048> buffer{};
  using Add = MessageBuilder& (MessageBuilder::*)(std::string_view);
  const auto [add, max] = GENERATE(table<Add, size_t>({{&MessageBuilder::add_username, 512},
                                                       {&MessageBuilder::add_realm, 127},
                                                       {&MessageBuilder::add_nonce, 127},
                                                       {&MessageBuilder::add_software, 127}}));
  MessageBuilder longest(buffer, kRequest, kId);
  CHECK((longest.*add)(std::string(max, 'x')).finish().has_value());
  MessageBuilder longer(buffer, kRequest, kId);
  CHECK_FALSE((longer.*add)(std::string(max + 1, 'x')).finish().has_value());
  MessageBuilder not_text(buffer, kRequest, kId);
  CHECK_FALSE((not_text.*add)("\xff").finish().has_value());
}

TEST_CASE("the 16-bit lengths of attribute and message bound what can be written") {
  std::vector<uint8_t> buffer(200'000);
  const std::vector<uint8_t> payload(70'000);
  const auto data = [&](size_t bytes) { return std::span<const uint8_t>(payload).first(bytes); };
  MessageBuilder fits(buffer, kRequest, kId);
  const auto written = fits.add_data(data(0xfff8)).finish();
  REQUIRE(written.has_value());
  CHECK(written->size() == kHeaderBytes + 0xfffc);
  CHECK(std::holds_alternative<Message>(parse_message(*written)));
  MessageBuilder one_more(buffer, kRequest, kId);
  CHECK_FALSE(one_more.add_data(data(0xfff9)).finish().has_value());
  MessageBuilder too_long(buffer, kRequest, kId);
  CHECK_FALSE(too_long.add_data(data(65'536)).finish().has_value());
  MessageBuilder no_room_to_sign(buffer, kRequest, kId);
  IntegrityKey key = IntegrityKey::short_term("k");
  CHECK_FALSE(no_room_to_sign.add_data(data(0xfff0)).add_integrity(key).finish().has_value());
}

TEST_CASE("a lifetime is clamped to what 32 bits can say") {
  std::array<uint8_t, 64> buffer{};
  const auto [asked, said] = GENERATE(table<std::chrono::seconds, std::chrono::seconds>({
      {std::chrono::seconds(0), std::chrono::seconds(0)},
      {std::chrono::seconds(-1), std::chrono::seconds(0)},
      {std::chrono::seconds(UINT32_MAX), std::chrono::seconds(UINT32_MAX)},
      {std::chrono::seconds(int64_t{UINT32_MAX} + 1), std::chrono::seconds(UINT32_MAX)},
  }));
  MessageBuilder builder(buffer, kRequest, kId);
  const auto written = builder.add_lifetime(asked).finish();
  CHECK(std::get<Message>(parse_message(*written)).lifetime() == said);
}

TEST_CASE("a builder without attributes writes the bare header") {
  std::array<uint8_t, kHeaderBytes> buffer{};
  MessageBuilder builder(buffer, {Method::kBinding, MessageClass::kIndication}, kId);
  const auto written = builder.finish();
  REQUIRE(written.has_value());
  CHECK(parse_header(*written)->type == MessageType{Method::kBinding, MessageClass::kIndication});
  CHECK(parse_header(*written)->transaction_id == kId);
}

TEST_CASE("a response signed under the request's key verifies in place behind a fingerprint") {
  IntegrityKey key = IntegrityKey::long_term("user", "realm", "password");
  std::array<uint8_t, 512> buffer{};
  const auto written = write_check(buffer, key);
  const auto parsed = parse_message(*written);
  const auto* message = std::get_if<Message>(&parsed);
  REQUIRE(message != nullptr);
  CHECK(message->verify_integrity(key));
  CHECK(message->has_fingerprint());
  CHECK(message->username() == "Zy9+:aB3d");
  CHECK(message->error()->code == ErrorCode::kRoleConflict);
  CHECK(message->xor_mapped_address() == SocketAddress::parse("[2001:db8::1]:9"));
}

struct Written {
  AttributeType type{};
  std::vector<uint8_t> value;
};

// An attribute that no getter looks into, so that any value is well-formed.
Written any_attribute(SeededRandom& random) {
  constexpr std::array<uint16_t, 5> kFree = {0x0001, 0x0013, 0x7f01, 0x8001, 0xff01};
  Written attribute{static_cast<AttributeType>(kFree.at(random.below(kFree.size()))), {}};
  attribute.value.resize(random.below(40));
  random.fill(attribute.value);
  return attribute;
}

TEST_CASE("what was written is read, whatever it is") {
  SeededRandom random(20'240'501);
  IntegrityKey key = IntegrityKey::short_term("password");
  for (int round = 0; round < 2000; ++round) {
    CAPTURE(round);
    const TransactionId id = TransactionId::random(random);
    const MessageType type{static_cast<Method>(random.below(0x1000)),
                           static_cast<MessageClass>(random.below(4))};
    std::array<uint8_t, 2048> buffer{};
    MessageBuilder builder(buffer, type, id);
    std::vector<Written> attributes(random.below(29));
    for (auto& attribute : attributes) {
      attribute = any_attribute(random);
      builder.add(attribute.type, attribute.value);
    }
    const bool is_signed = random.below(2) == 1;
    const bool has_fingerprint = random.below(2) == 1;
    if (is_signed) builder.add_integrity(key);
    if (has_fingerprint) builder.add_fingerprint();
    const auto written = builder.finish();
    REQUIRE(written.has_value());
    const auto parsed = parse_message(*written);
    const auto* message = std::get_if<Message>(&parsed);
    REQUIRE(message != nullptr);
    CHECK(message->type() == type);
    CHECK(message->transaction_id() == id);
    CHECK(message->verify_integrity(key) == is_signed);
    CHECK(message->has_fingerprint() == has_fingerprint);
    auto read = message->attributes().begin();
    for (const auto& attribute : attributes) {
      REQUIRE(read != std::default_sentinel);
      CHECK(read->type == attribute.type);
      CHECK(std::equal(read->value.begin(), read->value.end(), attribute.value.begin(),
                       attribute.value.end()));
      ++read;
    }
    CHECK(read == std::default_sentinel);
  }
}

// Reads all there is to read: nothing may overrun, whatever the bytes say (sanitizers watch).
size_t read_everything(const Message& message, IntegrityKey& key) {
  size_t seen = 0;
  for (const Attribute& attribute : message.attributes()) seen += attribute.value.size();
  if (const auto text = message.username()) seen += text->size();
  if (const auto text = message.nonce()) seen += text->size();
  if (const auto error = message.error()) seen += error->reason.size();
  if (message.xor_relayed_address(IpFamily::kV6)) ++seen;
  if (message.lifetime() || message.channel_number() || message.priority()) ++seen;
  if (message.requested_transport() || message.requested_address_family()) ++seen;
  if (message.additional_address_family() || message.ice_controlled()) ++seen;
  seen += message.unknown_required().types().size();
  return seen + (message.verify_integrity(key) ? 1 : 0);
}

TEST_CASE("random damage to a message is survived, and nothing damaged verifies") {
  SeededRandom random(7);
  IntegrityKey key = IntegrityKey::short_term("password");
  std::array<uint8_t, 512> original{};
  const size_t size = write_check(original, key)->size() - 8;  // Without its fingerprint.
  store_be16(original.data() + 2, static_cast<uint16_t>(size - kHeaderBytes));
  size_t survived = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::vector<uint8_t> bytes(original.begin(), original.begin() + static_cast<long>(size));
    const uint64_t changes = 1 + random.below(4);
    for (uint64_t i = 0; i < changes; ++i) {
      bytes[random.below(bytes.size())] = static_cast<uint8_t>(random.next_u32());
    }
    if (std::equal(bytes.begin(), bytes.end(), original.begin())) continue;
    const auto parsed = parse_message(bytes);
    const auto* message = std::get_if<Message>(&parsed);
    if (message == nullptr) continue;
    ++survived;
    read_everything(*message, key);
    CHECK_FALSE(message->verify_integrity(key));
  }
  CHECK(survived > 1000);  // The damage must reach the getters to mean something.
}

}  // namespace
}  // namespace connlib::snownet::stun
