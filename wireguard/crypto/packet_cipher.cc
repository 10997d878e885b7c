#include "wireguard/crypto/packet_cipher.h"

#include <algorithm>
#include <functional>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"

namespace connlib::wireguard {
namespace {

constexpr size_t kBlockBytes = 64;
constexpr size_t kPolyKeyBytes = 32;
constexpr size_t kPolyBlockBytes = 16;

// Ours: an Ethernet-sized packet in one piece; larger ones take several.
constexpr size_t kChunkBytes = 32 * kBlockBytes;

EVP_CIPHER* fetch_stream() {
  EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, "ChaCha20", nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}
EVP_MAC* fetch_mac() {
  EVP_MAC* fetched = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}

constexpr size_t round_up(size_t bytes, size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

// Keystream is the ChaCha20 keystream of one packet, made in pieces as it is used and wiped behind.
class PacketCipher::Keystream {
 public:
  // `text_bytes` is what apply() will take; the first piece is made for it.
  // `bytes_` is written before it is read; clearing it would cost a tenth of a packet.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  Keystream(EVP_CIPHER_CTX* stream, uint64_t counter, size_t text_bytes) : stream_(stream) {
    // OpenSSL's IV: the block counter, 32 bits, then the nonce 0^4 ‖ LE64(counter).
    std::array<uint8_t, 16> iv{};
    store_le64(iv.data() + 8, counter);
    CONNLIB_CHECK(EVP_CipherInit_ex2(stream_, nullptr, nullptr, iv.data(), -1, nullptr) == 1);
    make(std::min(kBlockBytes + text_bytes, kChunkBytes));
    used_ = kBlockBytes;
  }
  Keystream(const Keystream&) = delete;
  Keystream& operator=(const Keystream&) = delete;
  ~Keystream() { wipe(std::span(bytes_).first(high_)); }

  std::span<const uint8_t, kPolyKeyBytes> poly_key() const {
    return std::span(bytes_).first<kPolyKeyBytes>();
  }

  // apply() encrypts or decrypts. Once.
  void apply(std::span<uint8_t> text) {
    while (!text.empty()) {
      if (used_ == made_) make(std::min(text.size(), kChunkBytes));
      const auto part = text.first(std::min(text.size(), made_ - used_));
      std::transform(part.begin(), part.end(), bytes_.begin() + static_cast<ptrdiff_t>(used_),
                     part.begin(), std::bit_xor<>());
      used_ += part.size();
      text = text.subspan(part.size());
    }
  }

 private:
  // Whole blocks: a partial one would cost OpenSSL a call of its own.
  void make(size_t bytes) {
    static constexpr std::array<uint8_t, kChunkBytes> kZeroes{};
    used_ = 0;
    made_ = round_up(bytes, kBlockBytes);
    high_ = std::max(high_, made_);
    int n = 0;
    CONNLIB_CHECK(
        EVP_CipherUpdate(stream_, bytes_.data(), &n, kZeroes.data(), static_cast<int>(made_)) == 1);
  }

  EVP_CIPHER_CTX* stream_;
  size_t used_ = 0;
  size_t made_ = 0;
  size_t high_ = 0;  // Most ever made: what is to be wiped.
  std::array<uint8_t, kChunkBytes> bytes_;
};

PacketCipher::PacketCipher(const SymmetricKey& key) : stream_(EVP_CIPHER_CTX_new()), mac_(nullptr) {
  // Fetched once per process; contexts are keyed once per session (spec §16).
  static EVP_CIPHER* const stream_cipher = fetch_stream();
  static EVP_MAC* const poly1305 = fetch_mac();
  mac_ = EVP_MAC_CTX_new(poly1305);
  CONNLIB_CHECK(stream_ != nullptr && mac_ != nullptr);
  CONNLIB_CHECK(
      EVP_CipherInit_ex2(stream_, stream_cipher, key.bytes().data(), nullptr, 1, nullptr) == 1);
}

// Both cleanse what they hold.
PacketCipher::~PacketCipher() {
  EVP_CIPHER_CTX_free(stream_);
  EVP_MAC_CTX_free(mac_);
}

// The MAC was keyed by the caller. Covered: text, zeroes up to 16, LE64(0), LE64(text bytes).
PacketCipher::Tag PacketCipher::authenticate(std::span<const uint8_t> text) noexcept {
  const size_t padding = round_up(text.size(), kPolyBlockBytes) - text.size();
  std::array<uint8_t, 2 * kPolyBlockBytes> end{};
  store_le64(end.data() + padding + 8, text.size());
  Tag tag{};
  size_t n = 0;
  CONNLIB_CHECK((text.empty() || EVP_MAC_update(mac_, text.data(), text.size()) == 1) &&
                EVP_MAC_update(mac_, end.data(), padding + kPolyBlockBytes) == 1 &&
                EVP_MAC_final(mac_, tag.data(), &n, tag.size()) == 1 && n == tag.size());
  return tag;
}

void PacketCipher::seal(uint64_t counter, std::span<uint8_t> buffer) noexcept {
  const auto text = buffer.first(buffer.size() - kTagBytes);
  Keystream keystream(stream_, counter, text.size());
  CONNLIB_CHECK(EVP_MAC_init(mac_, keystream.poly_key().data(), kPolyKeyBytes, nullptr) == 1);
  keystream.apply(text);
  const Tag tag = authenticate(text);
  std::copy(tag.begin(), tag.end(), buffer.last(kTagBytes).begin());
}

bool PacketCipher::open(uint64_t counter, std::span<uint8_t> buffer) noexcept {
  const auto text = buffer.first(buffer.size() - kTagBytes);
  Keystream keystream(stream_, counter, text.size());
  CONNLIB_CHECK(EVP_MAC_init(mac_, keystream.poly_key().data(), kPolyKeyBytes, nullptr) == 1);
  const Tag tag = authenticate(text);
  if (CRYPTO_memcmp(tag.data(), buffer.last(kTagBytes).data(), kTagBytes) != 0) return false;
  keystream.apply(text);
  return true;
}

}  // namespace connlib::wireguard
