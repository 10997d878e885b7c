#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "connlib/base/secret.h"
#include "wireguard/crypto/dh.h"

namespace connlib::wireguard {

inline constexpr size_t kTagBytes = 16;

// SealingKey encrypts one direction of a session: ChaCha20-Poly1305 (RFC 8439) with the nonce
// 0^4 ‖ LE64(counter) and empty additional data. Keyed once; per packet only the nonce changes.
class SealingKey {
 public:
  explicit SealingKey(const SymmetricKey& key);
  SealingKey(SealingKey&&) noexcept;
  SealingKey& operator=(SealingKey&&) noexcept;
  ~SealingKey();

  // seal() encrypts all but the last kTagBytes of `buffer` in place and writes the tag there.
  // `buffer` must have at least kTagBytes. The caller never repeats a counter.
  void seal(uint64_t counter, std::span<uint8_t> buffer) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// OpeningKey is the receiving counterpart of SealingKey.
class OpeningKey {
 public:
  explicit OpeningKey(const SymmetricKey& key);
  OpeningKey(OpeningKey&&) noexcept;
  OpeningKey& operator=(OpeningKey&&) noexcept;
  ~OpeningKey();

  // open() decrypts in place; the plaintext is all but the last kTagBytes of `buffer`. On a bad tag
  // (or fewer than kTagBytes) it returns false and leaves `buffer` as it was.
  [[nodiscard]] bool open(uint64_t counter, std::span<uint8_t> buffer) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// One-shot forms with additional data, for handshakes. `out` is plaintext + kTagBytes long; it may
// equal `plaintext` exactly.
void aead_seal(const SymmetricKey& key, uint64_t counter, std::span<const uint8_t> plaintext,
               std::span<const uint8_t> additional_data, std::span<uint8_t> out);
// `out` is kTagBytes shorter than `ciphertext`. False on a bad tag; `out` is wiped then.
[[nodiscard]] bool aead_open(const SymmetricKey& key, uint64_t counter,
                             std::span<const uint8_t> ciphertext,
                             std::span<const uint8_t> additional_data, std::span<uint8_t> out);

// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): the 24-byte random nonce of cookie replies.
using XNonce = std::array<uint8_t, 24>;
void xaead_seal(const SymmetricKey& key, const XNonce& nonce, std::span<const uint8_t> plaintext,
                std::span<const uint8_t> additional_data, std::span<uint8_t> out);
[[nodiscard]] bool xaead_open(const SymmetricKey& key, const XNonce& nonce,
                              std::span<const uint8_t> ciphertext,
                              std::span<const uint8_t> additional_data, std::span<uint8_t> out);

// hchacha20() derives XChaCha's subkey; exposed for its test vectors.
SymmetricKey hchacha20(const SymmetricKey& key, std::span<const uint8_t, 16> nonce);

}  // namespace connlib::wireguard
