#include "tests/scenarios/portal/derivations.h"

#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "connlib/base/check.h"
#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::scenarios {
namespace {

using snownet::ice::Credentials;

wireguard::Hash digest(std::string_view text) {
  return wireguard::sha256({std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size())});
}

std::string pair_text(const Device& initiator, const Device& responder) {
  return fmt::format("{}:{}:{}:{}", initiator.id, to_text(initiator.key), responder.id,
                     to_text(responder.key));
}

// RFC 4648 §6, in lower case and without padding.
std::string base32(std::span<const uint8_t> bytes) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 5; count -= 5) out += kAlphabet[bits >> (count - 5) & 31];
  }
  if (count > 0) out += kAlphabet[bits << (5 - count) & 31];
  return out;
}

Credentials credentials_from(std::string_view text) {
  const auto credentials = Credentials::of(text.substr(0, 4), text.substr(4));
  CONNLIB_CHECK(credentials.has_value());
  return *credentials;
}

}  // namespace

std::pair<Credentials, Credentials> ice_credentials(const Device& initiator,
                                                    const Device& responder) {
  const std::string text = base32(digest(pair_text(initiator, responder)));
  const std::string_view view(text);
  return {credentials_from(view.substr(0, 26)), credentials_from(view.substr(26, 26))};
}

Secret<32> preshared_key(const Device& initiator, const Device& responder, uint64_t generation) {
  const wireguard::Hash key =
      digest(fmt::format("preshared {} {}", generation, pair_text(initiator, responder)));
  return Secret<32>(std::span(key));
}

std::string relay_salt(const PublicKey& key) {
  return wireguard::encode_base64(digest(to_text(key)));
}

}  // namespace connlib::scenarios
