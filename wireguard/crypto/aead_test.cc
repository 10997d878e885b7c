#include "wireguard/crypto/aead.h"

#include <cstdlib>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "connlib/base/random_source.h"

namespace connlib::wireguard {
namespace {

size_t g_allocations = 0;
void* counting_malloc(size_t bytes, const char*, int) {
  ++g_allocations;
  return std::malloc(bytes);
}
void* counting_realloc(void* old, size_t bytes, const char*, int) {
  ++g_allocations;
  return std::realloc(old, bytes);
}
void plain_free(void* old, const char*, int) { std::free(old); }

// OpenSSL takes its allocator only before its first allocation.
const bool kIsCounting =
    CRYPTO_set_mem_functions(counting_malloc, counting_realloc, plain_free) == 1;

bool is_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

TEST_CASE("sealing, opening and refusing a packet allocate nothing") {
  REQUIRE(kIsCounting);
  SeededRandom random(11);
  const SymmetricKey key(random.bytes<32>());
  SealingKey sealing(key);
  OpeningKey opening(key);
  std::vector<uint8_t> packet(1280 + kTagBytes, 0x45);
  bool opened = true;
  bool refused = true;

  const size_t before = g_allocations;
  REQUIRE(before > 0);
  for (uint64_t counter = 0; counter < 100; ++counter) {
    sealing.seal(counter, packet);
    opened = opened && opening.open(counter, packet);
    sealing.seal(counter, packet);
    packet.back() ^= 1;
    refused = refused && !opening.open(counter, packet);
  }
  CHECK(g_allocations == before);
  CHECK(opened);
  CHECK(refused);
}

TEST_CASE("packets of every small length survive a round trip at any counter") {
  SeededRandom random(12);
  const SymmetricKey key(random.bytes<32>());
  SealingKey sealing(key);
  OpeningKey opening(key);
  const uint64_t counter = GENERATE(uint64_t{0}, uint64_t{1} << 32, uint64_t{1} << 60,
                                    std::numeric_limits<uint64_t>::max());
  for (size_t bytes = 0; bytes <= 130; ++bytes) {
    CAPTURE(counter, bytes);
    std::vector<uint8_t> plaintext(bytes);
    random.fill(plaintext);
    std::vector<uint8_t> buffer = plaintext;
    buffer.resize(bytes + kTagBytes);
    sealing.seal(counter, buffer);
    auto elsewhere = buffer;
    CHECK_FALSE(opening.open(counter - 1, elsewhere));
    REQUIRE(opening.open(counter, buffer));
    buffer.resize(bytes);
    CHECK(buffer == plaintext);
  }
}

// aead_seal() is OpenSSL's own AEAD; the lengths surround every block and chunk size.
TEST_CASE("packets of every length are sealed as OpenSSL's AEAD seals them") {
  SeededRandom random(17);
  const SymmetricKey key(random.bytes<32>());
  SealingKey sealing(key);
  OpeningKey opening(key);
  std::vector<size_t> lengths = {4031, 4032, 4033, 4096, 8192, 65000};
  for (size_t bytes = 0; bytes <= 2200; ++bytes) lengths.push_back(bytes);
  for (const size_t bytes : lengths) {
    CAPTURE(bytes);
    const uint64_t counter = random.next_u64();
    std::vector<uint8_t> plaintext(bytes);
    random.fill(plaintext);
    std::vector<uint8_t> expected(bytes + kTagBytes);
    aead_seal(key, counter, plaintext, {}, expected);
    std::vector<uint8_t> buffer = plaintext;
    buffer.resize(bytes + kTagBytes);
    sealing.seal(counter, buffer);
    REQUIRE(buffer == expected);
    REQUIRE(opening.open(counter, buffer));
    REQUIRE(std::equal(plaintext.begin(), plaintext.end(), buffer.begin()));
  }
}

TEST_CASE("a packet with any bit wrong is refused and left as it was") {
  SeededRandom random(18);
  const SymmetricKey key(random.bytes<32>());
  OpeningKey opening(key);
  const size_t bytes = GENERATE(size_t{0}, size_t{1}, size_t{63}, size_t{100}, size_t{2100});
  std::vector<uint8_t> sealed(bytes + kTagBytes);
  SealingKey(key).seal(9, sealed);
  for (int i = 0; i < 400; ++i) {
    auto forged = sealed;
    forged[random.below(forged.size())] ^= static_cast<uint8_t>(1u << random.below(8));
    const auto before = forged;
    REQUIRE_FALSE(opening.open(9, forged));
    REQUIRE(forged == before);
  }
  CHECK(opening.open(9, sealed));
}

TEST_CASE("a message fails under another key, counter, nonce or additional data, and is wiped") {
  SeededRandom random(13);
  const SymmetricKey key(random.bytes<32>());
  const SymmetricKey other_key(random.bytes<32>());
  const auto plaintext = random.bytes<32>();
  const auto additional_data = random.bytes<32>();
  const std::array<uint8_t, 32> other_data{};
  const auto nonce = random.bytes<24>();
  std::vector<uint8_t> sealed(plaintext.size() + kTagBytes);
  std::array<uint8_t, 32> out{};

  const auto refuses = [&](bool was_opened) {
    return !was_opened && is_zero(out) && (out.fill(0xaa), true);
  };
  aead_seal(key, 5, plaintext, additional_data, sealed);
  out.fill(0xaa);
  CHECK(refuses(aead_open(other_key, 5, sealed, additional_data, out)));
  CHECK(refuses(aead_open(key, 6, sealed, additional_data, out)));
  CHECK(refuses(aead_open(key, 5, sealed, other_data, out)));
  CHECK(refuses(aead_open(key, 5, sealed, {}, out)));
  CHECK(aead_open(key, 5, sealed, additional_data, out));
  CHECK(out == plaintext);

  xaead_seal(key, nonce, plaintext, additional_data, sealed);
  out.fill(0xaa);
  for (const size_t position : {size_t{0}, size_t{15}, size_t{16}, size_t{23}}) {
    auto other_nonce = nonce;
    other_nonce[position] ^= 0x80;
    CAPTURE(position);
    CHECK(refuses(xaead_open(key, other_nonce, sealed, additional_data, out)));
  }
  CHECK(refuses(xaead_open(other_key, nonce, sealed, additional_data, out)));
  CHECK(refuses(xaead_open(key, nonce, sealed, other_data, out)));
  CHECK(xaead_open(key, nonce, sealed, additional_data, out));
}

TEST_CASE("plaintext may be sealed and opened where it lies") {
  SeededRandom random(14);
  const SymmetricKey key(random.bytes<32>());
  std::vector<uint8_t> buffer(48, 0x31);
  const auto text = std::span<uint8_t>(buffer).first(32);
  std::vector<uint8_t> apart(48);
  aead_seal(key, 3, text, {}, apart);
  aead_seal(key, 3, text, {}, buffer);
  CHECK(buffer == apart);
  CHECK(aead_open(key, 3, buffer, {}, text));
  CHECK(std::all_of(text.begin(), text.end(), [](uint8_t b) { return b == 0x31; }));
}

TEST_CASE("a moved key keeps working") {
  SeededRandom random(15);
  const SymmetricKey key(random.bytes<32>());
  SealingKey first(key);
  SealingKey sealing(SymmetricKey(random.bytes<32>()));
  sealing = std::move(first);
  OpeningKey opening{OpeningKey(key)};
  std::vector<uint8_t> buffer(20, 1);
  sealing.seal(0, buffer);
  CHECK(opening.open(0, buffer));
}

// SSL_get_error() of a shell's portal connection looks at the same queue.
TEST_CASE("what a peer makes fail leaves no entry on OpenSSL's error queue") {
  SeededRandom random(16);
  const SymmetricKey key(random.bytes<32>());
  std::vector<uint8_t> forged(64);
  std::array<uint8_t, 48> out{};
  REQUIRE(ERR_peek_error() == 0);
  CHECK_FALSE(DhKey::generate(random).agree(PublicKey{}).has_value());
  CHECK_FALSE(aead_open(key, 0, forged, {}, out));
  CHECK_FALSE(xaead_open(key, {}, forged, {}, out));
  CHECK_FALSE(OpeningKey(key).open(0, forged));
  CHECK(ERR_peek_error() == 0);

  ERR_raise(ERR_LIB_USER, 1);  // What others left there stays theirs.
  CHECK_FALSE(DhKey::generate(random).agree(PublicKey{}).has_value());
  CHECK(ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_USER);
  ERR_clear_error();
}

}  // namespace
}  // namespace connlib::wireguard
