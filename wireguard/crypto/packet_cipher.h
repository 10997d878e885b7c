#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "connlib/base/secret.h"
#include "wireguard/crypto/aead.h"

// OpenSSL's EVP_CIPHER_CTX and EVP_MAC_CTX; its headers stay in .cc files.
struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace connlib::wireguard {

// PacketCipher is ChaCha20-Poly1305 (RFC 8439 §2.8) without additional data, put together from
// OpenSSL's ChaCha20 and Poly1305:
//
//   keystream blocks:   0            1 … n
//                       │            └─ XOR with the text
//                       └─ first 32 bytes: one-time Poly1305 key
//
// OpenSSL's own AEAD computes block 0 and the last, partial block each by a call for a single
// block, which costs as much as some hundred bytes. Here one call makes the whole keystream of a
// packet, its last block made whole, and the tag is compared before anything is decrypted.
class PacketCipher {
 public:
  explicit PacketCipher(const SymmetricKey& key);
  PacketCipher(const PacketCipher&) = delete;
  PacketCipher& operator=(const PacketCipher&) = delete;
  ~PacketCipher();

  // As SealingKey and OpeningKey promise. `buffer` has at least kTagBytes.
  void seal(uint64_t counter, std::span<uint8_t> buffer) noexcept;
  [[nodiscard]] bool open(uint64_t counter, std::span<uint8_t> buffer) noexcept;

 private:
  using Tag = std::array<uint8_t, kTagBytes>;
  class Keystream;

  Tag authenticate(std::span<const uint8_t> text) noexcept;

  evp_cipher_ctx_st* stream_;
  evp_mac_ctx_st* mac_;
};

}  // namespace connlib::wireguard
