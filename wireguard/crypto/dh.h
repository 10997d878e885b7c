#pragma once

#include <memory>
#include <optional>

#include "connlib/base/random_source.h"
#include "connlib/base/secret.h"
#include "connlib/model/public_key.h"

namespace connlib::wireguard {

using PrivateKey = Secret<32>;
using PresharedKey = Secret<32>;  // All zero when none is configured (spec §1).
using SymmetricKey = Secret<32>;
using DhResult = Secret<32>;

// DhKey is an X25519 key pair (RFC 7748) with its key object cached, because building one costs as
// much as a Diffie-Hellman. Movable, wiped on destruction.
class DhKey {
 public:
  // Clamps as RFC 7748 §5 says; any 32 bytes are a key.
  explicit DhKey(const PrivateKey& private_key);
  static DhKey generate(RandomSource& random);

  DhKey(DhKey&&) noexcept;
  DhKey& operator=(DhKey&&) noexcept;
  ~DhKey();

  const PublicKey& public_key() const { return public_key_; }
  PrivateKey private_key() const;

  // agree() is DH(own private, `remote`); nullopt when the result is all zero (low-order point).
  std::optional<DhResult> agree(const PublicKey& remote) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  PublicKey public_key_;
};

}  // namespace connlib::wireguard
