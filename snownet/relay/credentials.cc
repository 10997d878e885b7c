#include "snownet/relay/credentials.h"

#include <algorithm>
#include <limits>

#include "snownet/stun/integrity.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::snownet::relay {
namespace {

void wipe_text(std::string& text) { wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()}); }

// 64 bits of seconds reach further than absl::Time prints, but not further than it compares.
absl::Time date_of(uint64_t unix_seconds) {
  constexpr auto kLast = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return absl::FromUnixSeconds(static_cast<int64_t>(std::min(unix_seconds, kLast)));
}

}  // namespace

Credentials::~Credentials() {
  if (stamp_secret_) wipe_text(*stamp_secret_);
}

void Credentials::set_stamp_secret(std::string_view secret) {
  if (stamp_secret_) wipe_text(*stamp_secret_);
  stamp_secret_ = std::string(secret);
}

void Credentials::add_user(std::string_view name, std::string_view password) {
  users_.insert_or_assign(std::string(name),
                          stun::long_term_key(name, stun::kRelayRealm, password));
}

std::optional<Account> Credentials::find(std::string_view username) const {
  if (const auto user = users_.find(username); user != users_.end()) {
    return Account{user->second.clone()};
  }
  if (!stamp_secret_) return std::nullopt;
  const auto parsed = stun::RelayUsername::parse(username);
  if (!parsed) return std::nullopt;
  const stun::RelayPassword password(*parsed, *stamp_secret_);
  return Account{stun::long_term_key(username, stun::kRelayRealm, password.text()),
                 date_of(parsed->expires_at_unix_seconds)};
}

}  // namespace connlib::snownet::relay
