#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace connlib::snownet::stun {

// utf8_characters() counts the code points of `text`; nullopt when it is not well-formed UTF-8
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::optional<size_t> utf8_characters(std::span<const uint8_t> text) noexcept;

}  // namespace connlib::snownet::stun
