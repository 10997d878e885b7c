#include "wireguard/cookie/macs.h"

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "tests/support/scripted_random.h"
#include "tests/support/start_time.h"
#include "tests/support/vectors.h"

namespace connlib::wireguard {
namespace {

using testing::hex_bytes;
using testing::named;
using testing::public_key;
using testing::ScriptedRandom;
using testing::wireguard_vectors;

using connlib::testing::kStart;
constexpr size_t kMacBytes = 16;

// One published cookie: the message that it answers, and the later one that carries its mac2.
struct Story {
  const nlohmann::json& cookie;
  PublicKey issuer;
  std::vector<uint8_t> answered;
  std::vector<uint8_t> with_mac2;
  SocketAddress source() const {
    return *SocketAddress::parse(cookie["source_address_text"].get<std::string>());
  }
  CookieReply reply() const {
    message = hex_bytes(cookie["message"]);
    return *CookieReply::parse(message);
  }
  mutable std::vector<uint8_t> message;
};

Story story(bool to_initiation) {
  const auto& handshakes = wireguard_vectors().at("handshakes");
  const auto& psk = named(handshakes, "psk");
  const char* type = to_initiation ? "initiation" : "response";
  const char* issuer = to_initiation ? "responder_static_public" : "initiator_static_public";
  const auto& later = named(handshakes, to_initiation ? "after-cookie" : "response-with-mac2");
  return {named(wireguard_vectors().at("cookies"),
                to_initiation ? "reply-to-initiation" : "reply-to-response"),
          public_key(psk["inputs"][issuer]),
          hex_bytes(psk[type]["message"]),
          hex_bytes(later[type]["message"]),
          {}};
}

// `message` as it is before anybody stamps it.
std::vector<uint8_t> unstamped(std::vector<uint8_t> message) {
  std::fill(message.end() - 2 * kMacBytes, message.end(), uint8_t{0xee});
  return message;
}

TEST_CASE("the issuer gives every published cookie byte for byte, and honours its mac2") {
  const Story told = story(GENERATE(true, false));
  ScriptedRandom random;
  random.expect(hex_bytes(told.cookie["cookie_secret"]));
  random.expect(hex_bytes(told.cookie["nonce"]));
  CookieIssuer issuer(told.issuer, random);
  CHECK_FALSE(issuer.is_mac2_valid(kStart, told.source(), told.answered));
  std::array<uint8_t, kCookieReplyBytes> reply{};
  issuer.create_reply(kStart, told.source(), told.answered, reply);
  CHECK(to_hex(reply) == told.cookie["message"]);
  CHECK(is_mac1_valid(MacKeys::of(told.issuer), told.with_mac2));
  CHECK(issuer.is_mac2_valid(kStart, told.source(), told.with_mac2));

  SocketAddress neighbour = told.source();
  ++neighbour.port;  // Behind the same NAT.
  CHECK_FALSE(issuer.is_mac2_valid(kStart, neighbour, told.with_mac2));
}

TEST_CASE("the holder of every published cookie stamps the published mac2") {
  const Story told = story(GENERATE(true, false));
  CookieHolder holder(told.issuer);
  auto message = unstamped(told.answered);
  holder.stamp(kStart, message);
  CHECK(to_hex(message) == to_hex(told.answered));
  REQUIRE(holder.handle_reply(kStart + 1s, told.reply()));
  message = unstamped(told.with_mac2);
  holder.stamp(kStart + 1s, message);
  CHECK(to_hex(message) == to_hex(told.with_mac2));
}

TEST_CASE("a cookie is held for 120 s and then forgotten, timer or not") {
  const Story told = story(true);
  CookieHolder holder(told.issuer);
  auto message = told.answered;
  holder.stamp(kStart, message);
  REQUIRE(holder.handle_reply(kStart, told.reply()));
  CHECK(holder.expires_at() == kStart + 120s);
  const std::string none(2 * kMacBytes, '0');
  auto [after, polled, is_held] = GENERATE(table<Duration, bool, bool>({
      {120s - 1ns, true, true},
      {120s, false, false},
      {120s, true, false},
  }));
  CAPTURE(after, polled);
  if (polled) holder.handle_timeout(kStart + after);
  holder.stamp(kStart + after, message);
  CHECK((to_hex(std::span(message).last(kMacBytes)) != none) == is_held);
  CHECK(holder.expires_at().is_never() == (polled && !is_held));
}

TEST_CASE("a reply to another message, or one that does not decrypt, is not a cookie") {
  const Story told = story(true);
  CookieHolder holder(told.issuer);
  CHECK_FALSE(holder.handle_reply(kStart, told.reply()));  // Nothing was sent yet.
  auto message = told.with_mac2;
  holder.stamp(kStart, message);
  CHECK_FALSE(holder.handle_reply(kStart, told.reply()));  // Another index.
  message = told.answered;
  message[100] ^= 1;  // The same index, another mac1.
  holder.stamp(kStart, message);
  CHECK_FALSE(holder.handle_reply(kStart, told.reply()));
  CHECK(holder.expires_at().is_never());
  message = told.answered;
  holder.stamp(kStart, message);
  CHECK(holder.handle_reply(kStart, told.reply()));
  CHECK_FALSE(holder.handle_reply(kStart, told.reply()));  // Once per message.
}

TEST_CASE("every cookie lives at least 120 s and none as long as 240 s") {
  const Story told = story(true);
  SeededRandom random(3);
  CookieIssuer issuer(told.issuer, random);
  const auto cookie_at = [&](Timestamp now) {
    CookieHolder holder(told.issuer);
    auto message = told.answered;
    holder.stamp(now, message);
    std::array<uint8_t, kCookieReplyBytes> reply{};
    issuer.create_reply(now, told.source(), message, reply);
    REQUIRE(holder.handle_reply(now, *CookieReply::parse(reply)));
    holder.stamp(now, message);
    return message;
  };
  const Duration issued = GENERATE(as<Duration>{}, 0s, 1s, 119s);
  const bool busy = GENERATE(true, false);  // Whether messages come in between, to roll secrets.
  CAPTURE(issued.count(), busy);
  static_cast<void>(cookie_at(kStart));
  const auto proof = cookie_at(kStart + issued);
  if (busy) CHECK(issuer.is_mac2_valid(kStart + issued + 60s, told.source(), proof));
  CHECK(issuer.is_mac2_valid(kStart + issued + 120s - 1ns, told.source(), proof));
  if (busy) static_cast<void>(cookie_at(kStart + issued + 150s));
  CHECK_FALSE(issuer.is_mac2_valid(kStart + issued + 240s, told.source(), proof));
}

}  // namespace
}  // namespace connlib::wireguard
