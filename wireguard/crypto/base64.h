#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace connlib::wireguard {

// The characters base64 without padding needs for `bytes` bytes.
constexpr size_t base64_characters(size_t bytes) { return (bytes * 4 + 2) / 3; }

// encode_base64() writes the standard alphabet without padding; `out` has exactly
// base64_characters(bytes.size()) elements. For credentials: it leaves no copy behind.
void encode_base64(std::span<const uint8_t> bytes, std::span<char> out);
std::string encode_base64(std::span<const uint8_t> bytes);

// The other encodings of RFC 4648 that the portal's wire uses: with padding (§4), for URLs without
// padding (§5), and lower-case base32 without padding (§6).
std::string encode_base64_padded(std::span<const uint8_t> bytes);
std::string encode_base64_url(std::span<const uint8_t> bytes);
std::string encode_base32_lower(std::span<const uint8_t> bytes);

}  // namespace connlib::wireguard
