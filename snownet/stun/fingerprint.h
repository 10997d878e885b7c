#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

namespace connlib::snownet::stun {

// fingerprint() is the value of a FINGERPRINT attribute (RFC 8489 §14.7) over the concatenation of
// `parts`: CRC-32 of ISO HDLC, XORed so that a CRC of the payload's own protocol does not pass.
uint32_t fingerprint(std::initializer_list<std::span<const uint8_t>> parts) noexcept;

}  // namespace connlib::snownet::stun
