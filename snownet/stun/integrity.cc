#include "snownet/stun/integrity.h"

// HMAC behind OpenSSL's EVP interface takes nine allocations and 800 bytes per key, and three
// allocations per message; an idle connection has two keys. Its SHA-1 itself takes none. It is
// called "deprecated" since 3.0, for not going through a provider; it is in every 3.x.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <algorithm>
#include <cstring>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "connlib/base/check.h"

namespace connlib::snownet::stun {
namespace {

// Fetched once per process: a fetch by name costs more than the MAC of a message.
const EVP_MD* md5() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "MD5", nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}
constexpr size_t kBlockBytes = SHA_CBLOCK;
constexpr size_t kChainWords = 5;

// Sha1 is one computation. It wipes what it held, which comes from a key.
class Sha1 {
 public:
  Sha1() { CONNLIB_CHECK(SHA1_Init(&context_) == 1); }
  // Goes on behind one block that led to `state`.
  explicit Sha1(std::span<const uint8_t, SHA_DIGEST_LENGTH> state) : Sha1() {
    std::array<SHA_LONG, kChainWords> words{};
    std::memcpy(words.data(), state.data(), state.size());
    context_.h0 = words[0];
    context_.h1 = words[1];
    context_.h2 = words[2];
    context_.h3 = words[3];
    context_.h4 = words[4];
    context_.Nl = kBlockBytes * 8;
  }
  Sha1(const Sha1&) = delete;
  Sha1& operator=(const Sha1&) = delete;
  ~Sha1() { OPENSSL_cleanse(&context_, sizeof context_); }

  Sha1& add(std::span<const uint8_t> bytes) {
    CONNLIB_CHECK(SHA1_Update(&context_, bytes.data(), bytes.size()) == 1);
    return *this;
  }
  // After whole blocks.
  void save(std::span<uint8_t, SHA_DIGEST_LENGTH> state) const {
    const std::array<SHA_LONG, kChainWords> words{context_.h0, context_.h1, context_.h2,
                                                  context_.h3, context_.h4};
    static_assert(sizeof words == SHA_DIGEST_LENGTH);
    std::memcpy(state.data(), words.data(), state.size());
  }
  MessageMac finish() {
    MessageMac digest{};
    CONNLIB_CHECK(SHA1_Final(digest.data(), &context_) == 1);
    return digest;
  }

 private:
  SHA_CTX context_{};
};

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

Secret<16> long_term_key(std::string_view username, std::string_view realm,
                         std::string_view password) {
  Secret<16> key;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  CONNLIB_CHECK(context != nullptr && EVP_DigestInit_ex2(context, md5(), nullptr) == 1);
  for (const std::string_view part : {username, {":"}, realm, {":"}, password}) {
    CONNLIB_CHECK(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  }
  unsigned int written = 0;
  CONNLIB_CHECK(EVP_DigestFinal_ex(context, key.mutable_bytes().data(), &written) == 1);
  CONNLIB_CHECK(written == key.bytes().size());
  EVP_MD_CTX_free(context);
  return key;
}

// RFC 2104 §2: the key fills a block with zeroes behind it, or its hash does when it is longer.
IntegrityKey::IntegrityKey(std::span<const uint8_t> key) {
  Secret<kBlockBytes> block;
  const auto bytes = block.mutable_bytes();
  if (key.size() > kBlockBytes) {
    const MessageMac hashed = Sha1().add(key).finish();
    std::copy(hashed.begin(), hashed.end(), bytes.begin());
  } else {
    std::copy(key.begin(), key.end(), bytes.begin());
  }
  const auto flip = [bytes](uint8_t pad) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(byte ^ pad);
  };
  flip(0x36);
  Sha1().add(bytes).save(inner_.mutable_bytes());
  flip(0x36 ^ 0x5c);
  Sha1().add(bytes).save(outer_.mutable_bytes());
}

IntegrityKey IntegrityKey::long_term(std::string_view username, std::string_view realm,
                                     std::string_view password) {
  return IntegrityKey(long_term_key(username, realm, password).bytes());
}

IntegrityKey IntegrityKey::short_term(std::string_view password) {
  return IntegrityKey(as_bytes(password));
}

MessageMac IntegrityKey::sign(std::initializer_list<std::span<const uint8_t>> parts) const {
  Sha1 inner(inner_.bytes());
  for (const auto part : parts) inner.add(part);
  return Sha1(outer_.bytes()).add(inner.finish()).finish();
}

}  // namespace connlib::snownet::stun
