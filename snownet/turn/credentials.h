#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connlib/base/secret.h"
#include "snownet/stun/integrity.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::turn {

// Credentials are long-term credentials (RFC 8489 §9.2). The password itself is not kept: only the
// key that MD5 makes of it, which is all that is ever needed.
struct Credentials {
  std::string username;
  std::string realm;
  Secret<16> key;

  // nullopt when a text is empty or longer than its attribute may be.
  static std::optional<Credentials> create(std::string_view username, std::string_view realm,
                                           std::string_view password);
  Credentials clone() const { return {username, realm, key.clone()}; }
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// Authentication signs requests to one relay and checks its answers. It keeps the relay's latest
// nonce, and the hashing context.
class Authentication {
 public:
  explicit Authentication(Credentials credentials);

  // sign() appends USERNAME, REALM, NONCE when one is known, and MESSAGE-INTEGRITY.
  void sign(stun::MessageBuilder& builder);

  [[nodiscard]] bool verify(const stun::Message& message) { return message.verify_integrity(key_); }

  // take_challenge() keeps the nonce of a 401 or 438. False, and nothing is kept, without a nonce,
  // or when the relay's realm is not ours: our key would be of no use there.
  [[nodiscard]] bool take_challenge(const stun::Message& message);

  bool has_nonce() const { return !nonce_.empty(); }
  std::string_view nonce() const { return nonce_; }
  void forget_nonce() { nonce_.clear(); }
  // inherit_nonce() begins with the nonce that another user of ours had from the same relay: it
  // goes by our socket (RFC 8489 §9.2), and where it does not, a challenge brings another.
  void inherit_nonce(const Authentication& former) {
    if (former.credentials_.realm == credentials_.realm) nonce_ = former.nonce_;
  }
  const Credentials& credentials() const { return credentials_; }

 private:
  Credentials credentials_;
  stun::IntegrityKey key_;
  std::string nonce_;  // At most stun::kMaxQuotedCharacters.
};

}  // namespace connlib::snownet::turn
