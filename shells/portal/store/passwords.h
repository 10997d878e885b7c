#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "connlib/base/secret_text.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// Passwords are kept as scrypt hashes (RFC 7914: N = 2^15, r = 8, p = 1, 32 MiB): people choose
// them, and a copy of the store must not give them away.

// A password of 80 random bits that must be replaced at the first sign-in.
SecretText new_one_time_password(RandomSource& random);

// Replaces the one that there is. The refusal's pointer is /password or /new_password.
Refusal set_password(Writer& writer, const std::string& actor_id, std::string_view password,
                     bool is_one_time);

enum class PasswordCheck : uint8_t { kWrong, kRight, kOneTime };
// kWrong as well when the actor has none; it takes as long.
absl::StatusOr<PasswordCheck> check_password(Store& store, const std::string& actor_id,
                                             std::string_view password);

inline constexpr size_t kMinPassword = 12;   // Ours: bytes.
inline constexpr size_t kMaxPassword = 255;  // Ours.

}  // namespace connlib::portald
