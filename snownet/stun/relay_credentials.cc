#include "snownet/stun/relay_credentials.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "connlib/base/secret.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::snownet::stun {
namespace {

std::span<const uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::optional<RelayUsername> RelayUsername::parse(std::string_view text) noexcept {
  RelayUsername username;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, username.expires_at_unix_seconds);
  if (error != std::errc() || rest == end || *rest != ':') return std::nullopt;
  username.salt = text.substr(static_cast<size_t>(rest - text.data()) + 1);
  if (username.salt.find(':') != std::string_view::npos) return std::nullopt;
  return username;
}

RelayPassword::RelayPassword(const RelayUsername& username, std::string_view relay_secret) {
  std::array<char, 20> expiry{};  // 2^64 - 1 has 20 digits.
  const auto [end, error] =
      std::to_chars(expiry.data(), expiry.data() + expiry.size(), username.expires_at_unix_seconds);
  const std::string_view expiry_text(expiry.data(), static_cast<size_t>(end - expiry.data()));
  static_cast<void>(error);
  Secret<32> digest(wireguard::sha256({as_bytes(expiry_text), as_bytes(":"), as_bytes(relay_secret),
                                       as_bytes(":"), as_bytes(username.salt)}));
  wireguard::encode_base64(digest.bytes(), text_);
}

RelayPassword::~RelayPassword() { wipe({reinterpret_cast<uint8_t*>(text_.data()), text_.size()}); }

}  // namespace connlib::snownet::stun
