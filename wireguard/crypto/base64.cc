#include "wireguard/crypto/base64.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <openssl/evp.h>

#include "connlib/base/check.h"
#include "connlib/base/secret.h"

namespace connlib::wireguard {

void encode_base64(std::span<const uint8_t> bytes, std::span<char> out) {
  CONNLIB_CHECK(out.size() == base64_characters(bytes.size()));
  // OpenSSL pads and terminates, so it works on groups in a buffer of our own.
  std::array<uint8_t, 5> block{};
  while (!bytes.empty()) {
    const auto group = bytes.first(std::min<size_t>(3, bytes.size()));
    CONNLIB_CHECK(EVP_EncodeBlock(block.data(), group.data(), static_cast<int>(group.size())) == 4);
    const size_t characters = base64_characters(group.size());
    std::transform(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(characters),
                   out.begin(), [](uint8_t c) { return static_cast<char>(c); });
    bytes = bytes.subspan(group.size());
    out = out.subspan(characters);
  }
  wipe(block);
}

std::string encode_base64(std::span<const uint8_t> bytes) {
  std::string text(base64_characters(bytes.size()), '\0');
  encode_base64(bytes, text);
  return text;
}

std::string encode_base64_padded(std::span<const uint8_t> bytes) {
  std::string text = encode_base64(bytes);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::string encode_base64_url(std::span<const uint8_t> bytes) {
  std::string text = encode_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string encode_base32_lower(std::span<const uint8_t> bytes) {
  static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string text;
  unsigned pending = 0;
  unsigned pending_bits = 0;
  for (const uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    pending_bits += 8;
    while (pending_bits >= 5) {
      pending_bits -= 5;
      text += kAlphabet[pending >> pending_bits & 31];
    }
    pending &= (1U << pending_bits) - 1;
  }
  if (pending_bits > 0) text += kAlphabet[pending << (5 - pending_bits) & 31];
  return text;
}

}  // namespace connlib::wireguard
