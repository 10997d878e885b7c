#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "connlib/base/secret.h"

namespace connlib::wireguard {

using Hash = std::array<uint8_t, 32>;
using Mac = std::array<uint8_t, 16>;

// blake2s() is HASH() of the paper: unkeyed BLAKE2s-256 over the concatenation of `parts`.
Hash blake2s(std::initializer_list<std::span<const uint8_t>> parts);

// blake2s_mac() is MAC(): *keyed* BLAKE2s with a 16-byte output; `key` is 1 to 32 bytes.
Mac blake2s_mac(std::span<const uint8_t> key,
                std::initializer_list<std::span<const uint8_t>> parts);

// hmac_blake2s() is RFC 2104 HMAC over unkeyed BLAKE2s-256 (block size 64). Not keyed BLAKE2s.
Hash hmac_blake2s(std::span<const uint8_t> key,
                  std::initializer_list<std::span<const uint8_t>> parts);

// sha256() is SHA-256 over the concatenation of `parts`: for credentials of relays and portal, not
// for WireGuard.
Hash sha256(std::initializer_list<std::span<const uint8_t>> parts);

// hmac_sha256() is RFC 2104 HMAC over SHA-256: for the portal's derivations and tokens.
Hash hmac_sha256(std::span<const uint8_t> key,
                 std::initializer_list<std::span<const uint8_t>> parts);

// kdf<N>() is KDFn(): HKDF with the HMAC above, `key` the chaining key, giving N ≤ 3 outputs.
void kdf(std::span<const uint8_t> key, std::span<const uint8_t> input, std::span<Secret<32>> out);
template <size_t N>
std::array<Secret<32>, N> kdf(std::span<const uint8_t> key, std::span<const uint8_t> input) {
  static_assert(N >= 1 && N <= 3);
  std::array<Secret<32>, N> out;
  kdf(key, input, std::span<Secret<32>>(out));
  return out;
}

}  // namespace connlib::wireguard
