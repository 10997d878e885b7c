#include "snownet/turn/credentials.h"

#include <utility>

namespace connlib::snownet::turn {

std::optional<Credentials> Credentials::create(std::string_view username, std::string_view realm,
                                               std::string_view password) {
  if (username.empty() || username.size() > stun::kMaxUsernameBytes) return std::nullopt;
  if (realm.empty() || realm.size() > stun::kMaxQuotedCharacters) return std::nullopt;
  return Credentials{std::string(username), std::string(realm),
                     stun::long_term_key(username, realm, password)};
}

Authentication::Authentication(Credentials credentials)
    : credentials_(std::move(credentials)), key_(credentials_.key.bytes()) {}

void Authentication::sign(stun::MessageBuilder& builder) {
  builder.add_username(credentials_.username).add_realm(credentials_.realm);
  if (has_nonce()) builder.add_nonce(nonce_);
  builder.add_integrity(key_);
}

bool Authentication::take_challenge(const stun::Message& message) {
  const auto nonce = message.nonce();
  const auto realm = message.realm();
  if (!nonce || nonce->empty()) return false;
  if (realm && *realm != credentials_.realm) return false;
  nonce_ = *nonce;
  return true;
}

}  // namespace connlib::snownet::turn
