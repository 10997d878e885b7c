#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "connlib/base/secret.h"

namespace connlib::snownet::stun {

// The value of a MESSAGE-INTEGRITY attribute (RFC 8489 §14.5).
using MessageMac = std::array<uint8_t, 20>;

// long_term_key() is MD5(`username:realm:password`) (RFC 8489 §9.2.2). SASLprep is not applied: our
// strings are ASCII.
Secret<16> long_term_key(std::string_view username, std::string_view realm,
                         std::string_view password);

// IntegrityKey computes MESSAGE-INTEGRITY under one key: HMAC-SHA1 (RFC 2104). It keeps what SHA-1
// makes of the key's two blocks, forty bytes, so that a message costs no key schedule and a node
// with many thousand connections no memory to speak of. Movable; one owner.
class IntegrityKey {
 public:
  // `key` is the HMAC key of any length: a long-term key, or the bytes of a short-term password.
  explicit IntegrityKey(std::span<const uint8_t> key);

  static IntegrityKey long_term(std::string_view username, std::string_view realm,
                                std::string_view password);
  static IntegrityKey short_term(std::string_view password);

  IntegrityKey(IntegrityKey&&) noexcept = default;
  IntegrityKey& operator=(IntegrityKey&&) noexcept = default;

  // sign() is HMAC-SHA1 over the concatenation of `parts`.
  MessageMac sign(std::initializer_list<std::span<const uint8_t>> parts) const;

 private:
  static constexpr size_t kStateBytes = 20;
  Secret<kStateBytes> inner_;  // Of the key xor ipad, and xor opad.
  Secret<kStateBytes> outer_;
};

}  // namespace connlib::snownet::stun
