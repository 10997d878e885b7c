#include "shells/portal/store/passwords.h"

#include <array>
#include <span>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "wireguard/crypto/base64.h"

namespace connlib::portald {
namespace {

constexpr uint64_t kCost = 1U << 15U;
constexpr uint64_t kBlockSize = 8;
constexpr uint64_t kParallel = 1;
constexpr uint64_t kMaxMemory = 64U << 20U;
constexpr size_t kSaltBytes = 16;
constexpr size_t kHashBytes = 32;

// Empty when the machine has no memory for it.
Bytes hash_of(std::string_view password, std::span<const uint8_t> salt) {
  Bytes out(kHashBytes);
  const int done = EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(), kCost,
                                  kBlockSize, kParallel, kMaxMemory, out.data(), out.size());
  if (done != 1) out.clear();
  return out;
}

}  // namespace

SecretText new_one_time_password(RandomSource& random) {
  std::array<uint8_t, 10> bytes{};
  random.fill(bytes);
  const std::string letters = wireguard::encode_base32_lower(bytes);  // 16 of them.
  SecretText out(fmt::format("{}-{}-{}-{}", letters.substr(0, 4), letters.substr(4, 4),
                             letters.substr(8, 4), letters.substr(12)));
  return out;
}

Refusal set_password(Writer& writer, const std::string& actor_id, std::string_view password,
                     bool is_one_time) {
  if (password.size() < kMinPassword || password.size() > kMaxPassword) {
    return Problem{Problem::Code::kInvalid, "/new_password",
                   fmt::format("a password has {} to {} bytes", kMinPassword, kMaxPassword)};
  }
  Bytes salt(kSaltBytes);
  writer.random().fill(salt);
  Bytes hash = hash_of(password, salt);
  if (hash.empty()) return Problem{Problem::Code::kStore, "", "no memory to hash a password"};
  writer.database().run(
      "INSERT INTO passwords (actor_id, salt, hash, one_time) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (actor_id) DO UPDATE SET salt = ?2, hash = ?3, one_time = ?4",
      {actor_id, salt, std::move(hash), int64_t{is_one_time}});
  writer.log({.action = Change::Action::kUpdated,
              .kind = "password",
              .id = actor_id,
              .label = is_one_time ? "one-time password" : "password",
              .before = nullptr,
              .after = nullptr});
  return store_problem(writer.database().status());
}

absl::StatusOr<PasswordCheck> check_password(Store& store, const std::string& actor_id,
                                             std::string_view password) {
  const Rows rows = store.database().query(
      "SELECT salt, hash, one_time FROM passwords WHERE actor_id = ?1", {actor_id});
  if (absl::Status status = store.database().take_status(); !status.ok()) return status;
  const Bytes salt = rows.empty() ? Bytes(kSaltBytes) : rows[0].bytes(0);
  const Bytes hash = hash_of(password.substr(0, kMaxPassword), salt);
  if (hash.empty()) return absl::ResourceExhaustedError("no memory to hash a password");
  if (rows.empty() || !equal_constant_time(hash, rows[0].bytes(1))) return PasswordCheck::kWrong;
  return rows[0].flag(2) ? PasswordCheck::kOneTime : PasswordCheck::kRight;
}

}  // namespace connlib::portald
