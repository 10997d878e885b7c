#include "snownet/stun/integrity.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "connlib/base/hex.h"
#include "connlib/base/random_source.h"
#include "snownet/stun/fingerprint.h"

namespace connlib::snownet::stun {
namespace {

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST_CASE("HMAC-SHA1 gives the values of RFC 2202, long keys included") {
  const auto [key, data, mac] = GENERATE(table<std::string, std::string, std::string>({
      {std::string(20, '\x0b'), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
      {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
  }));
  IntegrityKey integrity(as_bytes(key));
  CHECK(to_hex(integrity.sign({as_bytes(data)})) == mac);
}

TEST_CASE("signing agrees with OpenSSL's own HMAC on any key and message, again and again") {
  SeededRandom random(11);
  for (size_t key_bytes = 0; key_bytes <= 130; ++key_bytes) {
    CAPTURE(key_bytes);
    std::vector<uint8_t> key(key_bytes);
    random.fill(key);
    IntegrityKey integrity(key);
    for (int again = 0; again < 3; ++again) {
      std::vector<uint8_t> message(random.below(300));
      random.fill(message);
      std::vector<uint8_t> expected(20);
      unsigned int size = 0;
      const uint8_t none = 0;  // HMAC() takes a null key for "the one before".
      HMAC(EVP_sha1(), key.empty() ? &none : key.data(), static_cast<int>(key.size()),
           message.data(), message.size(), expected.data(), &size);
      const auto all = std::span<const uint8_t>(message);
      const auto cut = random.below(message.size() + 1);
      CHECK(to_hex(integrity.sign({all.first(cut), all.subspan(cut)})) == to_hex(expected));
    }
  }
}

TEST_CASE("a key that was moved signs as before") {
  IntegrityKey first = IntegrityKey::short_term("password");
  const auto mac = first.sign({as_bytes("message")});
  IntegrityKey second = std::move(first);
  CHECK(second.sign({as_bytes("message")}) == mac);
  second = IntegrityKey::short_term("other");
  CHECK(second.sign({as_bytes("message")}) != mac);
}

TEST_CASE("a long-term key is the MD5 of name, realm and password between colons") {
  CHECK(to_hex(long_term_key("user", "realm", "pass").bytes()) ==
        "8493fbc53ba582fb4c044c456bdc40eb");  // RFC 8489 §9.2.2
  IntegrityKey by_name = IntegrityKey::long_term("user", "realm", "pass");
  IntegrityKey by_bytes(long_term_key("user", "realm", "pass").bytes());
  CHECK(by_name.sign({as_bytes("x")}) == by_bytes.sign({as_bytes("x")}));
}

TEST_CASE("a fingerprint is the CRC of zlib under the mask \"STUN\", over any split") {
  // CRC-32 of "123456789" is the check value of the polynomial.
  CHECK(fingerprint({as_bytes("123456789")}) == (0xcbf43926U ^ 0x5354554eU));
  CHECK(fingerprint({as_bytes("1234"), {}, as_bytes("56789")}) == (0xcbf43926U ^ 0x5354554eU));
  CHECK(fingerprint({}) == 0x5354554eU);
}

}  // namespace
}  // namespace connlib::snownet::stun
