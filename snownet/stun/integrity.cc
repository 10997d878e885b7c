#include "snownet/stun/integrity.h"

#include <algorithm>

#include <openssl/evp.h>

#include "connlib/base/check.h"

namespace connlib::snownet::stun {
namespace {

const EVP_MD* fetch(const char* name) {
  const EVP_MD* fetched = EVP_MD_fetch(nullptr, name, nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}

// Fetched once per process: a fetch by name costs more than the MAC of a message.
const EVP_MD* sha1() {
  static const EVP_MD* const fetched = fetch("SHA1");
  return fetched;
}
const EVP_MD* md5() {
  static const EVP_MD* const fetched = fetch("MD5");
  return fetched;
}

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

// HMAC is spelled out over EVP_MD because OpenSSL 3.0's EVP_MAC and EVP_MD_CTX_copy_ex() allocate
// for every message, and a re-initialised digest does not.
IntegrityKey::IntegrityKey(std::span<const uint8_t> key) : context_(EVP_MD_CTX_new()) {
  CONNLIB_CHECK(context_ != nullptr);
  Secret<64> block;
  if (key.size() <= 64) {
    std::copy(key.begin(), key.end(), block.mutable_bytes().begin());
  } else {
    start();
    update(key);
    finish(block.mutable_bytes().first<20>());
  }
  for (size_t i = 0; i < 64; ++i) {
    inner_pad_.mutable_bytes()[i] = static_cast<uint8_t>(block.bytes()[i] ^ 0x36U);
    outer_pad_.mutable_bytes()[i] = static_cast<uint8_t>(block.bytes()[i] ^ 0x5cU);
  }
}

IntegrityKey IntegrityKey::long_term(std::string_view username, std::string_view realm,
                                     std::string_view password) {
  return IntegrityKey(long_term_key(username, realm, password).bytes());
}

IntegrityKey IntegrityKey::short_term(std::string_view password) {
  return IntegrityKey(as_bytes(password));
}

MessageMac IntegrityKey::sign(std::initializer_list<std::span<const uint8_t>> parts) {
  MessageMac inner{};
  start();
  update(inner_pad_.bytes());
  for (const auto part : parts) update(part);
  finish(inner);
  MessageMac mac{};
  start();
  update(outer_pad_.bytes());
  update(inner);
  finish(mac);
  return mac;
}

void IntegrityKey::start() {
  CONNLIB_CHECK(EVP_DigestInit_ex2(context_.get(), sha1(), nullptr) == 1);
}

void IntegrityKey::update(std::span<const uint8_t> bytes) {
  CONNLIB_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

void IntegrityKey::finish(std::span<uint8_t, 20> out) {
  unsigned int written = 0;
  CONNLIB_CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), &written) == 1);
  CONNLIB_CHECK(written == out.size());
}

void IntegrityKey::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

}  // namespace connlib::snownet::stun
