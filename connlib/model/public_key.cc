#include "connlib/model/public_key.h"

#include <algorithm>

#include <absl/strings/escaping.h>

namespace connlib {

std::optional<PublicKey> PublicKey::parse_base64(std::string_view text) {
  std::string raw;
  if (text.size() != 44 || text.back() != '=' ||
      !absl::Base64Unescape(absl::string_view(text.data(), text.size()), &raw) ||
      raw.size() != kBytes) {
    return std::nullopt;
  }
  PublicKey key;
  std::transform(raw.begin(), raw.end(), key.bytes.begin(),
                 [](char c) { return static_cast<uint8_t>(c); });
  return key;
}

std::string to_text(const PublicKey& key) {
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()));
}

std::string short_text(const PublicKey& key) { return to_text(key).substr(0, 8); }

}  // namespace connlib
