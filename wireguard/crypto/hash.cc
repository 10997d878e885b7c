#include "wireguard/crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "connlib/base/check.h"

namespace connlib::wireguard {
namespace {

using Parts = std::initializer_list<std::span<const uint8_t>>;

// Fetched once per process: a fetch by name costs more than hashing a handshake message.
const EVP_MD* fetch_md(const char* name) {
  const EVP_MD* md = EVP_MD_fetch(nullptr, name, nullptr);
  CONNLIB_CHECK(md != nullptr);
  return md;
}
const EVP_MD* blake2s_md() {
  static const EVP_MD* const md = fetch_md("BLAKE2S-256");
  return md;
}
const EVP_MD* sha256_md() {
  static const EVP_MD* const md = fetch_md("SHA256");
  return md;
}
EVP_MAC* fetch_mac(const char* name) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, name, nullptr);
  CONNLIB_CHECK(mac != nullptr);
  return mac;
}
EVP_MAC* blake2s_mac_algorithm() {
  static EVP_MAC* const mac = fetch_mac("BLAKE2SMAC");
  return mac;
}
EVP_MAC* hmac_algorithm() {
  static EVP_MAC* const mac = fetch_mac("HMAC");
  return mac;
}

void run_mac(EVP_MAC* algorithm, const OSSL_PARAM* params, std::span<const uint8_t> key,
             Parts parts, std::span<uint8_t> out) {
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(algorithm);
  CONNLIB_CHECK(context != nullptr);
  CONNLIB_CHECK(EVP_MAC_init(context, key.data(), key.size(), params) == 1);
  for (const auto part : parts)
    CONNLIB_CHECK(EVP_MAC_update(context, part.data(), part.size()) == 1);
  size_t written = 0;
  CONNLIB_CHECK(EVP_MAC_final(context, out.data(), &written, out.size()) == 1);
  CONNLIB_CHECK(written == out.size());
  EVP_MAC_CTX_free(context);
}

void hmac_into(const char* digest_name, std::span<const uint8_t> key, Parts parts,
               std::span<uint8_t> out) {
  // The parameter is only read, whatever OpenSSL's signature says.
  char* const digest = const_cast<char*>(digest_name);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  run_mac(hmac_algorithm(), params, key, parts, out);
}

Hash digest(const EVP_MD* algorithm, Parts parts) {
  Hash out;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  CONNLIB_CHECK(context != nullptr && EVP_DigestInit_ex2(context, algorithm, nullptr) == 1);
  for (const auto part : parts)
    CONNLIB_CHECK(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  unsigned int written = 0;
  CONNLIB_CHECK(EVP_DigestFinal_ex(context, out.data(), &written) == 1 && written == out.size());
  EVP_MD_CTX_free(context);
  return out;
}

}  // namespace

Hash blake2s(Parts parts) { return digest(blake2s_md(), parts); }

Hash sha256(Parts parts) { return digest(sha256_md(), parts); }

Mac blake2s_mac(std::span<const uint8_t> key, Parts parts) {
  Mac out;
  size_t size = out.size();  // A parameter of BLAKE2, not a truncation.
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
  run_mac(blake2s_mac_algorithm(), params, key, parts, out);
  return out;
}

Hash hmac_blake2s(std::span<const uint8_t> key, Parts parts) {
  Hash out;
  hmac_into("BLAKE2S-256", key, parts, out);
  return out;
}

Hash hmac_sha256(std::span<const uint8_t> key, Parts parts) {
  Hash out;
  hmac_into("SHA256", key, parts, out);
  return out;
}

void kdf(std::span<const uint8_t> key, std::span<const uint8_t> input, std::span<Secret<32>> out) {
  // Written straight into secrets, so that no copy outlives the call (spec §17).
  Secret<32> extracted;
  hmac_into("BLAKE2S-256", key, {input}, extracted.mutable_bytes());
  std::span<const uint8_t> previous;
  for (size_t i = 0; i < out.size(); ++i) {
    const uint8_t number = static_cast<uint8_t>(i + 1);
    hmac_into("BLAKE2S-256", extracted.bytes(), {previous, std::span(&number, 1)},
              out[i].mutable_bytes());
    previous = out[i].bytes();
  }
}

}  // namespace connlib::wireguard
