#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "connlib/base/random_source.h"
#include "tests/support/vectors.h"
#include "wireguard/crypto/aead.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/dh.h"
#include "wireguard/crypto/hash.h"
#include "wireguard/crypto/tai64n.h"

namespace connlib::wireguard {
namespace {

using connlib::testing::hex_array;
using connlib::testing::hex_bytes;
using connlib::testing::public_key;
using connlib::testing::secret32;

const nlohmann::json& primitives() {
  return connlib::testing::wireguard_vectors().at("primitives");
}

TEST_CASE("hashes, MACs and key derivation give the published values") {
  for (const auto& v : primitives().at("blake2s_256")) {
    CHECK(to_hex(blake2s({hex_bytes(v["input"])})) == v["digest"]);
  }
  for (const auto& v : primitives().at("blake2s_keyed_mac_128")) {
    CHECK(to_hex(blake2s_mac(hex_bytes(v["key"]), {hex_bytes(v["input"])})) == v["mac"]);
  }
  for (const auto& v : primitives().at("hmac_blake2s_256")) {
    CHECK(to_hex(hmac_blake2s(hex_bytes(v["key"]), {hex_bytes(v["input"])})) == v["mac"]);
  }
  for (const auto& v : primitives().at("kdf")) {
    const auto t = kdf<3>(hex_bytes(v["key"]), hex_bytes(v["input"]));
    CHECK(to_hex(t[0].bytes()) == v["t1"]);
    if (v.contains("t2")) CHECK(to_hex(t[1].bytes()) == v["t2"]);
    if (v.contains("t3")) CHECK(to_hex(t[2].bytes()) == v["t3"]);
  }
}

TEST_CASE("a hash over parts is the hash over their concatenation") {
  const auto bytes = hex_bytes("000102030405");
  const auto all = std::span<const uint8_t>(bytes);
  CHECK(blake2s({all.first(2), all.subspan(2)}) == blake2s({all}));
}

TEST_CASE("SHA-256 gives the values of FIPS 180, over any split") {
  const auto bytes = hex_bytes("616263");
  const auto abc = std::span<const uint8_t>(bytes);
  const char* const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(to_hex(sha256({abc})) == digest);
  CHECK(to_hex(sha256({abc.first(1), {}, abc.subspan(1)})) == digest);
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("HMAC over SHA-256 gives the value of RFC 4231, case 2") {
  const auto key = hex_bytes("4a656665");
  const auto text = hex_bytes("7768617420646f2079612077616e7420666f72206e6f7468696e673f");
  CHECK(to_hex(hmac_sha256(key, {text})) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("padded base64, base64 for URLs and base32 give the values of RFC 4648") {
  const auto [bytes, padded, url, base32] =
      GENERATE(table<const char*, const char*, const char*, const char*>({
          {"", "", "", ""},
          {"66", "Zg==", "Zg", "my"},
          {"666f", "Zm8=", "Zm8", "mzxq"},
          {"666f6f", "Zm9v", "Zm9v", "mzxw6"},
          {"666f6f62", "Zm9vYg==", "Zm9vYg", "mzxw6yq"},
          {"666f6f6261", "Zm9vYmE=", "Zm9vYmE", "mzxw6ytb"},
          {"666f6f626172", "Zm9vYmFy", "Zm9vYmFy", "mzxw6ytboi"},
          {"fbff", "+/8=", "-_8", "7p7q"},
      }));
  CAPTURE(bytes);
  CHECK(encode_base64_padded(hex_bytes(bytes)) == padded);
  CHECK(encode_base64_url(hex_bytes(bytes)) == url);
  CHECK(encode_base32_lower(hex_bytes(bytes)) == base32);
}

TEST_CASE("base64 without padding gives the values of RFC 4648, less their padding") {
  const auto [bytes, text] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"66", "Zg"},
      {"666f", "Zm8"},
      {"666f6f", "Zm9v"},
      {"666f6f62", "Zm9vYg"},
      {"666f6f6261", "Zm9vYmE"},
      {"666f6f626172", "Zm9vYmFy"},
      {"fbff", "+/8"},
  }));
  CHECK(encode_base64(hex_bytes(bytes)) == text);
}

TEST_CASE("both sides of a Diffie-Hellman agree, and low-order points are refused") {
  for (const auto& v : primitives().at("x25519")) {
    const DhKey a(secret32(v["private_a"]));
    const DhKey b(secret32(v["private_b"]));
    CHECK(a.public_key() == public_key(v["public_a"]));
    CHECK(to_hex(a.agree(b.public_key())->bytes()) == v["shared"]);
    CHECK(to_hex(b.agree(a.public_key())->bytes()) == v["shared"]);
    for (const auto& low : primitives().at("x25519_low_order_public_keys_must_be_rejected")) {
      CHECK_FALSE(a.agree(public_key(low)).has_value());
    }
  }
}

TEST_CASE("any 32 bytes are a private key, and the top bit of a public key is ignored") {
  // RFC 7748 §5: clamping happens in use, so these keys agree although their bytes differ.
  SeededRandom random(3);
  auto bytes = random.bytes<32>();
  const DhKey key{PrivateKey(bytes)};
  CHECK(key.private_key() == PrivateKey(bytes));
  bytes[0] ^= 7;
  bytes[31] ^= 0x80;
  const DhKey same{PrivateKey(bytes)};
  CHECK(same.public_key() == key.public_key());

  const DhKey other = DhKey::generate(random);
  PublicKey with_top_bit = other.public_key();
  with_top_bit.bytes[31] |= 0x80;
  REQUIRE(key.agree(other.public_key()).has_value());
  CHECK(key.agree(other.public_key()) == same.agree(with_top_bit));
  CHECK_FALSE(DhKey::generate(random).public_key() == DhKey::generate(random).public_key());
}

TEST_CASE("the AEAD seals and opens the published messages, in place too") {
  for (const auto& v : primitives().at("chacha20poly1305_counter_nonce")) {
    const auto key = secret32(v["key"]);
    const uint64_t counter = std::stoull(v["counter_dec"].get<std::string>());
    const auto plaintext = hex_bytes(v["plaintext"]);
    const auto aad = hex_bytes(v["aad"]);
    std::vector<uint8_t> out(plaintext.size() + kTagBytes);
    aead_seal(key, counter, plaintext, aad, out);
    CHECK(to_hex(out) == v["ciphertext_and_tag"]);
    std::vector<uint8_t> opened(plaintext.size());
    CHECK(aead_open(key, counter, out, aad, opened));
    CHECK(opened == plaintext);
    if (!aad.empty()) continue;

    std::vector<uint8_t> buffer = plaintext;
    buffer.resize(plaintext.size() + kTagBytes);
    SealingKey sealing(key);
    sealing.seal(counter + 1, buffer);  // The context is keyed once; the nonce is fresh each time.
    std::copy(plaintext.begin(), plaintext.end(), buffer.begin());
    sealing.seal(counter, buffer);
    CHECK(to_hex(buffer) == v["ciphertext_and_tag"]);
    CHECK(OpeningKey(key).open(counter, buffer));
  }
}

TEST_CASE("a forged message fails, is not decrypted, and the key stays usable") {
  const SymmetricKey key =
      secret32("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  std::vector<uint8_t> sealed(40, 0x55);
  SealingKey(key).seal(9, sealed);
  OpeningKey opening(key);
  const size_t position = GENERATE(size_t{0}, size_t{23}, size_t{24}, size_t{39});
  auto forged = sealed;
  forged[position] ^= 1;
  const auto before = forged;
  CHECK_FALSE(opening.open(9, forged));
  CHECK(forged == before);
  CHECK_FALSE(opening.open(9, std::span<uint8_t>(forged).first(15)));
  CHECK(opening.open(9, sealed));
}

TEST_CASE("XChaCha20-Poly1305 and its subkey give the published values") {
  for (const auto& v : primitives().at("hchacha20")) {
    const auto nonce = hex_array<16>(v["nonce"]);
    CHECK(to_hex(hchacha20(secret32(v["key"]), nonce).bytes()) == v["subkey"]);
  }
  for (const auto& v : primitives().at("xchacha20poly1305")) {
    const auto plaintext = hex_bytes(v["plaintext"]);
    const auto nonce = hex_array<24>(v["nonce"]);
    std::vector<uint8_t> out(plaintext.size() + kTagBytes);
    xaead_seal(secret32(v["key"]), nonce, plaintext, hex_bytes(v["aad"]), out);
    CHECK(to_hex(out) == v["ciphertext_and_tag"]);
    std::vector<uint8_t> opened(plaintext.size());
    CHECK(xaead_open(secret32(v["key"]), nonce, out, hex_bytes(v["aad"]), opened));
    CHECK(opened == plaintext);
    out[0] ^= 1;
    CHECK_FALSE(xaead_open(secret32(v["key"]), nonce, out, hex_bytes(v["aad"]), opened));
  }
}

TEST_CASE("timestamps are encoded as published and always have a successor") {
  for (const auto& v : primitives().at("tai64n")) {
    const auto stamp = Tai64n::encode(v["unix_seconds_int"], v["nanoseconds_int"]);
    CHECK(to_hex(stamp.bytes) == v["encoded"]);
    CHECK(stamp < stamp.successor());
  }
  CHECK(Tai64n::encode(1, 999'999'999).successor() == Tai64n::encode(2, 0));
}

TEST_CASE("stamps follow the injected clock with the low 24 bits of the nanoseconds clear") {
  const auto start = Timestamp::from_nanoseconds(7'777'777'777'777);
  const WallClock clock(start, absl::FromUnixSeconds(1'700'000'000));
  CHECK(clock.stamp(start) == Tai64n::encode(1'700'000'000, 0));
  CHECK(clock.stamp(start + 1500ms) == Tai64n::encode(1'700'000'001, 500'000'000 & ~0xffffffu));
}

TEST_CASE("stamps never run backwards, whenever they are asked for") {
  const auto start = Timestamp::from_nanoseconds(7'777'777'777'777);
  const WallClock clock(start,
                        absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(999'999'999));
  Tai64n last = clock.stamp(start - 1s);
  CHECK(last < clock.stamp(start));
  for (int i = 0; i < 1000; ++i) {
    // Two roundings apart, so each step must show.
    const Tai64n next = clock.stamp(start + i * 34ms);
    REQUIRE(last < next);
    last = next;
  }
  CHECK(clock.stamp(start) == Tai64n::encode(1'700'000'000, 999'999'999 & ~0xffffffu));
  CHECK(clock.stamp(start + 24h * 400) ==
        Tai64n::encode(1'700'000'000 + 86'400 * 400, 999'999'999 & ~0xffffffu));
  CHECK(clock.stamp(Timestamp::never()) > last);
}

TEST_CASE("a date before 1970 still gives whole seconds and positive nanoseconds") {
  const WallClock clock(Timestamp(), absl::FromUnixMillis(-1500));
  CHECK(clock.stamp(Timestamp()) == Tai64n::encode(-2, 500'000'000 & ~0xffffffu));
}

}  // namespace
}  // namespace connlib::wireguard
