#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace connlib {

// PublicKey is an X25519 public key: 32 bytes that anyone may see. It is the identity of a peer.
struct PublicKey {
  static constexpr size_t kBytes = 32;
  std::array<uint8_t, kBytes> bytes{};

  // parse_base64() reads the 44 characters that `wg pubkey` prints; nullopt on anything else.
  static std::optional<PublicKey> parse_base64(std::string_view text);

  friend constexpr auto operator<=>(const PublicKey&, const PublicKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const PublicKey& key) {
    return H::combine(std::move(h), key.bytes);
  }
};

// to_text() is the base64 form of the whole key, short_text() its first 8 characters, for logs.
std::string to_text(const PublicKey& key);
std::string short_text(const PublicKey& key);

}  // namespace connlib
