#include "wireguard/crypto/aead.h"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "wireguard/crypto/packet_cipher.h"

namespace connlib::wireguard {
namespace {

using Nonce = std::array<uint8_t, 12>;

const EVP_CIPHER* fetch(const char* name) {
  const EVP_CIPHER* fetched = EVP_CIPHER_fetch(nullptr, name, nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}

// Fetched once per process; contexts are keyed once per session (spec §16).
const EVP_CIPHER* chacha20_poly1305() {
  static const EVP_CIPHER* const fetched = fetch("ChaCha20-Poly1305");
  return fetched;
}
const EVP_CIPHER* chacha20() {
  static const EVP_CIPHER* const fetched = fetch("ChaCha20");
  return fetched;
}

Nonce counter_nonce(uint64_t counter) {
  Nonce nonce{};
  store_le64(nonce.data() + 4, counter);
  return nonce;
}

// One keyed EVP context. Every failure but that of a forged tag is our own fault.
class Context {
 public:
  enum class Direction : int { kOpen = 0, kSeal = 1 };
  Context(const SymmetricKey& key, Direction direction) : context_(EVP_CIPHER_CTX_new()) {
    CONNLIB_CHECK(context_ != nullptr);
    CONNLIB_CHECK(EVP_CipherInit_ex2(context_, chacha20_poly1305(), key.bytes().data(), nullptr,
                                     static_cast<int>(direction), nullptr) == 1);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_CIPHER_CTX_free(context_); }  // Cleanses the key.

  void start(const Nonce& nonce) {
    CONNLIB_CHECK(EVP_CipherInit_ex2(context_, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  }
  void add(std::span<const uint8_t> additional_data) {
    if (additional_data.empty()) return;
    int n = 0;
    CONNLIB_CHECK(EVP_CipherUpdate(context_, nullptr, &n, additional_data.data(),
                                   static_cast<int>(additional_data.size())) == 1);
  }
  void update(std::span<const uint8_t> in, uint8_t* out) {
    if (in.empty()) return;
    const int bytes = static_cast<int>(in.size());
    int n = 0;
    CONNLIB_CHECK(EVP_CipherUpdate(context_, out, &n, in.data(), bytes) == 1 && n == bytes);
  }
  void finish_seal(uint8_t* tag) {
    int n = 0;
    std::array<uint8_t, 16> none{};
    CONNLIB_CHECK(EVP_CipherFinal_ex(context_, none.data(), &n) == 1);
    CONNLIB_CHECK(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, int{kTagBytes}, tag) == 1);
  }
  void expect_tag(std::span<const uint8_t> tag) {
    std::array<uint8_t, kTagBytes> copy{};
    std::copy(tag.begin(), tag.end(), copy.begin());
    CONNLIB_CHECK(
        EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, int{kTagBytes}, copy.data()) == 1);
  }
  bool finish_open() {
    int n = 0;
    std::array<uint8_t, 16> none{};
    return EVP_CipherFinal_ex(context_, none.data(), &n) == 1;
  }

 private:
  EVP_CIPHER_CTX* context_;
};

void seal_with(const SymmetricKey& key, const Nonce& nonce, std::span<const uint8_t> plaintext,
               std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  CONNLIB_CHECK(out.size() == plaintext.size() + kTagBytes);
  Context context(key, Context::Direction::kSeal);
  context.start(nonce);
  context.add(additional_data);
  context.update(plaintext, out.data());
  context.finish_seal(out.data() + plaintext.size());
}

bool open_with(const SymmetricKey& key, const Nonce& nonce, std::span<const uint8_t> ciphertext,
               std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  CONNLIB_CHECK(ciphertext.size() == out.size() + kTagBytes);
  Context context(key, Context::Direction::kOpen);
  context.start(nonce);
  context.expect_tag(ciphertext.last(kTagBytes));
  context.add(additional_data);
  context.update(ciphertext.first(out.size()), out.data());
  if (context.finish_open()) return true;
  wipe(out);
  return false;
}

Nonce tail_nonce(const XNonce& nonce) {
  Nonce out{};
  std::copy(nonce.begin() + 16, nonce.end(), out.begin() + 4);
  return out;
}

}  // namespace

struct SealingKey::Impl {
  explicit Impl(const SymmetricKey& key) : cipher(key) {}
  PacketCipher cipher;
};
SealingKey::SealingKey(const SymmetricKey& key) : impl_(std::make_unique<Impl>(key)) {}
SealingKey::SealingKey(SealingKey&&) noexcept = default;
SealingKey& SealingKey::operator=(SealingKey&&) noexcept = default;
SealingKey::~SealingKey() = default;

void SealingKey::seal(uint64_t counter, std::span<uint8_t> buffer) noexcept {
  impl_->cipher.seal(counter, buffer);
}

struct OpeningKey::Impl {
  explicit Impl(const SymmetricKey& key) : cipher(key) {}
  PacketCipher cipher;
};
OpeningKey::OpeningKey(const SymmetricKey& key) : impl_(std::make_unique<Impl>(key)) {}
OpeningKey::OpeningKey(OpeningKey&&) noexcept = default;
OpeningKey& OpeningKey::operator=(OpeningKey&&) noexcept = default;
OpeningKey::~OpeningKey() = default;

bool OpeningKey::open(uint64_t counter, std::span<uint8_t> buffer) noexcept {
  return buffer.size() >= kTagBytes && impl_->cipher.open(counter, buffer);
}

void aead_seal(const SymmetricKey& key, uint64_t counter, std::span<const uint8_t> plaintext,
               std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  seal_with(key, counter_nonce(counter), plaintext, additional_data, out);
}

bool aead_open(const SymmetricKey& key, uint64_t counter, std::span<const uint8_t> ciphertext,
               std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  return open_with(key, counter_nonce(counter), ciphertext, additional_data, out);
}

void xaead_seal(const SymmetricKey& key, const XNonce& nonce, std::span<const uint8_t> plaintext,
                std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  const SymmetricKey subkey = hchacha20(key, std::span(nonce).first<16>());
  seal_with(subkey, tail_nonce(nonce), plaintext, additional_data, out);
}

bool xaead_open(const SymmetricKey& key, const XNonce& nonce, std::span<const uint8_t> ciphertext,
                std::span<const uint8_t> additional_data, std::span<uint8_t> out) {
  const SymmetricKey subkey = hchacha20(key, std::span(nonce).first<16>());
  return open_with(subkey, tail_nonce(nonce), ciphertext, additional_data, out);
}

// OpenSSL has no HChaCha20. One ChaCha20 block with the 16-byte nonce as counter and IV is the
// permuted state plus the input state; subtracting the known input words 0-3 and 12-15 leaves the
// subkey (spec §16).
SymmetricKey hchacha20(const SymmetricKey& key, std::span<const uint8_t, 16> nonce) {
  static constexpr std::array<uint32_t, 4> kSigma = {0x61707865, 0x3320646e, 0x79622d32,
                                                     0x6b206574};
  std::array<uint8_t, 64> block{};
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int n = 0;
  CONNLIB_CHECK(
      context != nullptr &&
      EVP_EncryptInit_ex2(context, chacha20(), key.bytes().data(), nonce.data(), nullptr) == 1 &&
      EVP_EncryptUpdate(context, block.data(), &n, block.data(), int{64}) == 1 && n == 64);
  EVP_CIPHER_CTX_free(context);
  SymmetricKey out;
  uint8_t* words = out.mutable_bytes().data();
  for (size_t i = 0; i < 4; ++i) {
    store_le32(words + 4 * i, load_le32(block.data() + 4 * i) - kSigma[i]);
    store_le32(words + 16 + 4 * i,
               load_le32(block.data() + 48 + 4 * i) - load_le32(nonce.data() + 4 * i));
  }
  wipe(block);
  return out;
}

}  // namespace connlib::wireguard
