#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "connlib/base/secret.h"

namespace connlib::snownet::relay {

// Account is what stands behind a user name.
struct Account {
  Secret<16> key;  // MD5(name:realm:password), RFC 8489 §9.2.2
  absl::Time expires_at = absl::InfiniteFuture();
};

// Credentials knows the passwords of users: derived from the stamp secret that portal and relay
// share (user name `<expiry>:<salt>`), or of long-term users of a relay that stands alone.
class Credentials {
 public:
  Credentials() = default;
  Credentials(Credentials&&) noexcept = default;
  Credentials& operator=(Credentials&&) = delete;
  ~Credentials();

  void set_stamp_secret(std::string_view secret);

  // add_user() adds a long-term user, or replaces their password.
  void add_user(std::string_view name, std::string_view password);

  bool empty() const { return !stamp_secret_ && users_.empty(); }

  // find() is the account of `username`; nullopt when nobody can have that name.
  std::optional<Account> find(std::string_view username) const;

 private:
  std::optional<std::string> stamp_secret_;  // Wiped when destroyed.
  std::map<std::string, Secret<16>, std::less<>> users_;
};

}  // namespace connlib::snownet::relay
