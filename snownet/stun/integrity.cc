#include "snownet/stun/integrity.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "connlib/base/check.h"

namespace connlib::snownet::stun {
namespace {

// Fetched once per process: a fetch by name costs more than the MAC of a message.
const EVP_MD* md5() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "MD5", nullptr);
  CONNLIB_CHECK(fetched != nullptr);
  return fetched;
}
EVP_MAC* hmac() {
  static EVP_MAC* const fetched = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  CONNLIB_CHECK(fetched != nullptr);
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

IntegrityKey::IntegrityKey(std::span<const uint8_t> key) : context_(EVP_MAC_CTX_new(hmac())) {
  CONNLIB_CHECK(context_ != nullptr);
  char digest[] = "SHA1";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  const uint8_t none = 0;  // OpenSSL takes a null key for "as before".
  const uint8_t* const data = key.empty() ? &none : key.data();
  CONNLIB_CHECK(EVP_MAC_init(context_.get(), data, key.size(), params) == 1);
}

IntegrityKey IntegrityKey::long_term(std::string_view username, std::string_view realm,
                                     std::string_view password) {
  return IntegrityKey(long_term_key(username, realm, password).bytes());
}

IntegrityKey IntegrityKey::short_term(std::string_view password) {
  return IntegrityKey(as_bytes(password));
}

MessageMac IntegrityKey::sign(std::initializer_list<std::span<const uint8_t>> parts) {
  CONNLIB_CHECK(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1);  // The same key again.
  for (const auto part : parts) {
    CONNLIB_CHECK(EVP_MAC_update(context_.get(), part.data(), part.size()) == 1);
  }
  MessageMac mac{};
  size_t written = 0;
  CONNLIB_CHECK(EVP_MAC_final(context_.get(), mac.data(), &written, mac.size()) == 1);
  CONNLIB_CHECK(written == mac.size());
  return mac;
}

void IntegrityKey::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

}  // namespace connlib::snownet::stun
