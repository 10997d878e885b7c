// Counts every operator new and every allocation of OpenSSL: a program of its own.
#include <array>

#include <catch2/catch.hpp>

#include "snownet/stun/channel_data.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/relay_credentials.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::snownet::stun {
namespace {

// Before OpenSSL allocates anything, or it refuses.
const bool kHooked = bench::count_openssl_too();

// OpenSSL 3.0 copies the digests of inner and outer hash for every MAC, and frees them again.
constexpr uint64_t kPerMac = 2;

MessageBuilder& add_attributes(MessageBuilder& builder) {
  builder.add_xor_peer_address({Ipv4Address{{192, 0, 2, 1}}, 9}).add_channel_number(kFirstChannel);
  builder.add_software("snownet").add_username("1900000000:salt").add_realm(kRelayRealm);
  return builder.add_nonce("0123456789ab");
}

std::span<const uint8_t> write_request(std::span<uint8_t> buffer, IntegrityKey& key) {
  MessageBuilder builder(buffer, {Method::kChannelBind, MessageClass::kRequest}, {{1, 2, 3}});
  return *add_attributes(builder).add_integrity(key).add_fingerprint().finish();
}

// True when the message parses and says all it should. No Catch inside: it allocates.
bool read_request(std::span<const uint8_t> bytes) {
  const auto parsed = parse_message(bytes);
  const auto* message = std::get_if<Message>(&parsed);
  return message != nullptr && message->has_integrity() && message->has_fingerprint() &&
         message->unknown_required().empty() && message->xor_peer_address().has_value() &&
         message->channel_number() == kFirstChannel &&
         RelayUsername::parse(message->username().value_or("")).has_value() &&
         message->nonce() == "0123456789ab" && message->software() == "snownet";
}

TEST_CASE("parsing allocates nothing, whether the message is good, cut or damaged") {
  REQUIRE(kHooked);
  const uint64_t before_key = bench::allocations();
  IntegrityKey key = IntegrityKey::long_term("1900000000:salt", kRelayRealm, "password");
  REQUIRE(bench::allocations() > before_key);  // The counter counts.
  std::array<uint8_t, 512> buffer{};
  const auto bytes = write_request(buffer, key);

  const uint64_t before = bench::allocations();
  size_t good = 0;
  size_t bad = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (read_request(bytes)) ++good;
    if (!read_request(bytes.first(i))) ++bad;
    buffer[i] ^= 0xff;
    if (!read_request(bytes)) ++bad;
    buffer[i] ^= 0xff;
  }
  const uint64_t after = bench::allocations();
  CHECK(good == bytes.size());
  CHECK(bad == 2 * bytes.size());
  CHECK(after - before == 0);
}

TEST_CASE("writing without a signature and framing ChannelData allocate nothing") {
  std::array<uint8_t, 512> buffer{};
  size_t good = 0;
  const uint64_t before = bench::allocations();
  for (int i = 0; i < 100; ++i) {
    MessageBuilder builder(buffer, {Method::kChannelBind, MessageClass::kRequest}, {{1, 2, 3}});
    if (add_attributes(builder).add_fingerprint().finish()) ++good;
    write_channel_data_header(std::span(buffer).first<kChannelDataHeaderBytes>(), kLastChannel, 9);
    if (parse_channel_data(buffer)) ++good;
  }
  const uint64_t after = bench::allocations();
  CHECK(good == 200);
  CHECK(after - before == 0);
}

TEST_CASE("signing and verifying leave nothing behind and fetch no algorithm") {
  IntegrityKey key = IntegrityKey::short_term("password");
  IntegrityKey other = IntegrityKey::short_term("other");
  std::array<uint8_t, 512> buffer{};
  const auto bytes = write_request(buffer, key);
  const auto parsed = parse_message(bytes);
  const auto& message = std::get<Message>(parsed);
  REQUIRE(message.verify_integrity(key));
  REQUIRE_FALSE(message.verify_integrity(other));

  const uint64_t before = bench::allocations();
  const int64_t live_before = bench::live_bytes();
  size_t verified = 0;
  for (int i = 0; i < 1000; ++i) {
    if (message.verify_integrity(key)) ++verified;
    if (message.verify_integrity(other)) ++verified;
  }
  const uint64_t after = bench::allocations();
  const int64_t live_after = bench::live_bytes();
  CHECK(verified == 1000);
  CHECK(after - before <= 2000 * kPerMac);
  CHECK(live_after == live_before);
}

}  // namespace
}  // namespace connlib::snownet::stun
