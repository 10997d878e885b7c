#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/base/secret_text.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// TokenType is whom a token lets in. They are not interchangeable.
enum class TokenType : uint8_t { kClient, kServiceAccount, kGateway, kRelay, kApi };
const char* name(TokenType type);
std::optional<TokenType> parse_token_type(std::string_view text);

// TokenRow is what is known of a token: never its secret.
struct TokenRow {
  std::string id;
  TokenType type = TokenType::kClient;
  std::string name;
  std::optional<std::string> actor_id;    // All but gateways and relays.
  std::optional<std::string> site_id;     // Of a gateway.
  std::optional<std::string> gateway_id;  // Of one gateway alone.
  absl::Time created_at;
  std::optional<absl::Time> expires_at;
  std::optional<absl::Time> last_used_at;
  std::optional<std::string> last_used_by;

  bool is_expired(absl::Time now) const { return expires_at && *expires_at <= now; }
};

// Its members are a part of the API.
Json to_json(const TokenRow& token);

struct TokenRequest {
  TokenType type = TokenType::kClient;
  std::string name;
  std::optional<std::string> actor_id{};
  std::optional<std::string> site_id{};
  std::optional<absl::Duration> lifetime{};  // None: what is usual for the type.
};

// A token's text is shown once: "clp_" + type + "_" + 32 digits of its id + "_" + 43 characters for
// 32 random bytes. The store keeps SHA-256 of a salt and the secret. It is not a slow hash: nobody
// guesses 256 bits, and every peer that reconnects has to be compared.
struct NewToken {
  TokenRow row;
  SecretText text;
};

// The refusal's pointers are members of to_json().
Refusal create_token(Writer& writer, const TokenRequest& request, NewToken& out);
// Its grants go along.
Refusal revoke_token(Writer& writer, const std::string& id);
std::vector<TokenRow> list_tokens(Store& store);

// find_token() is the row of the token with this text: of any type, expired or not, its actor
// disabled or not. None: there is no such token. An error: the store could not be asked.
absl::StatusOr<std::optional<TokenRow>> find_token(Store& store, std::string_view text);

inline constexpr absl::Duration kMaxClientSession = absl::Hours(24 * 90);     // Spec shells 7.
inline constexpr absl::Duration kUsualClientSession = absl::Hours(24 * 7);    // Spec shells 7.
inline constexpr absl::Duration kUsualTokenLifetime = absl::Hours(24 * 365);  // Ours: programs.
inline constexpr int64_t kMaxTokens = 100'000;                                // Ours.

}  // namespace connlib::portald
