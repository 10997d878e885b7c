#include "shells/portal/store/tokens.h"

#include <array>
#include <span>
#include <utility>

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <fmt/format.h>

#include "wireguard/crypto/base64.h"
#include "wireguard/crypto/hash.h"

namespace connlib::portald {
namespace {

using Code = Problem::Code;

constexpr size_t kIdDigits = 32;
constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretCharacters = 43;  // Base64 for URLs, without padding.
constexpr size_t kSaltBytes = 16;
constexpr std::array kTypes{std::pair{TokenType::kClient, "client"},
                            std::pair{TokenType::kServiceAccount, "service-account"},
                            std::pair{TokenType::kGateway, "gateway"},
                            std::pair{TokenType::kRelay, "relay"},
                            std::pair{TokenType::kApi, "api"}};
constexpr const char* kColumns =
    "id, type, name, actor_id, site_id, gateway_id, created_at, expires_at, last_used_at, "
    "last_used_by, salt, hash";

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

wireguard::Hash hash_of(std::span<const uint8_t> salt, std::string_view secret) {
  return wireguard::sha256({salt, bytes_of(secret)});
}

TokenRow from_row(const Row& row) {
  return {.id = row.text(0),
          .type = parse_token_type(row.text(1)).value_or(TokenType::kClient),
          .name = row.text(2),
          .actor_id = row.optional_text(3),
          .site_id = row.optional_text(4),
          .gateway_id = row.optional_text(5),
          .created_at = absl::FromUnixSeconds(row.integer(6)),
          .expires_at = row.optional_time(7),
          .last_used_at = row.optional_time(8),
          .last_used_by = row.optional_text(9)};
}

// What the text of a token says of itself.
struct TokenText {
  TokenType type;
  std::string id;
  std::string_view secret;
};

// clp_TYPE_ID_SECRET; the secret may contain "_", the type may not.
std::optional<TokenText> parse_text(std::string_view text) {
  constexpr std::string_view kPrefix = "clp_";
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const size_t end = text.find('_');
  if (end == std::string_view::npos) return std::nullopt;
  const auto type = parse_token_type(text.substr(0, end));
  text.remove_prefix(end + 1);
  if (!type || text.size() != kIdDigits + 1 + kSecretCharacters || text[kIdDigits] != '_') {
    return std::nullopt;
  }
  std::string id;
  for (size_t i = 0; i < kIdDigits; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) id += '-';
    id += text[i];
  }
  return TokenText{*type, std::move(id), text.substr(kIdDigits + 1)};
}

std::optional<absl::Duration> usual_lifetime(TokenType type) {
  switch (type) {
    case TokenType::kClient:
      return kUsualClientSession;
    case TokenType::kServiceAccount:
    case TokenType::kApi:
      return kUsualTokenLifetime;
    case TokenType::kGateway:
    case TokenType::kRelay:
      break;
  }
  return std::nullopt;
}

// A token of the type needs an actor or a site, and then nothing else.
Refusal check_owner(Writer& writer, const TokenRequest& request) {
  const bool wants_site = request.type == TokenType::kGateway;
  const bool wants_actor = !wants_site && request.type != TokenType::kRelay;
  const auto check = [&](const char* member, const char* kind, bool is_wanted,
                         const std::optional<std::string>& id) -> Refusal {
    const std::string pointer = fmt::format("/{}", member);
    if (is_wanted != id.has_value()) {
      return Problem{is_wanted ? Code::kMissing : Code::kInvalid, pointer,
                     fmt::format("a {} token {} of one {}", name(request.type),
                                 is_wanted ? "must be" : "is not", kind)};
    }
    if (id && !writer.store().find(*find_kind(kind), *id)) {
      return Problem{Code::kNotFound, pointer, fmt::format("no {} \"{}\"", kind, *id)};
    }
    return std::nullopt;
  };
  if (auto refusal = check("actor_id", "actor", wants_actor, request.actor_id)) return refusal;
  if (auto refusal = check("site_id", "site", wants_site, request.site_id)) return refusal;
  if (request.type == TokenType::kServiceAccount || request.type == TokenType::kApi) {
    const auto actor = writer.store().find(*find_kind("actor"), *request.actor_id);
    const auto type = actor->value("type", "");
    const bool is_right = request.type == TokenType::kApi
                              ? type == "api_client" || type == "account_admin_user"
                              : type == "service_account";
    if (!is_right) {
      return Problem{Code::kInvalid, "/actor_id",
                     fmt::format("\"{}\" is of type {}, which has no {} tokens",
                                 actor->value("name", ""), type, name(request.type))};
    }
  }
  return std::nullopt;
}

void insert(Writer& writer, const TokenRow& row, const Bytes& salt, const wireguard::Hash& hash) {
  writer.database().run(
      "INSERT INTO tokens (id, type, name, actor_id, site_id, gateway_id, created_at, expires_at, "
      "salt, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      {row.id, std::string(name(row.type)), row.name, or_null(row.actor_id), or_null(row.site_id),
       or_null(row.gateway_id), int64_t{absl::ToUnixSeconds(row.created_at)},
       or_null(row.expires_at), salt, Bytes(hash.begin(), hash.end())});
}

Json time_or_null(const std::optional<absl::Time>& time) {
  if (!time) return nullptr;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", *time, absl::UTCTimeZone());
}
Json text_or_null(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

}  // namespace

const char* name(TokenType type) {
  for (const auto& [each, text] : kTypes) {
    if (each == type) return text;
  }
  return "unknown";
}

std::optional<TokenType> parse_token_type(std::string_view text) {
  for (const auto& [type, each] : kTypes) {
    if (text == each) return type;
  }
  return std::nullopt;
}

Json to_json(const TokenRow& token) {
  return {{"id", token.id},
          {"type", name(token.type)},
          {"name", token.name},
          {"actor_id", text_or_null(token.actor_id)},
          {"site_id", text_or_null(token.site_id)},
          {"gateway_id", text_or_null(token.gateway_id)},
          {"created_at", time_or_null(token.created_at)},
          {"expires_at", time_or_null(token.expires_at)},
          {"last_used_at", time_or_null(token.last_used_at)},
          {"last_used_by", text_or_null(token.last_used_by)}};
}

Refusal create_token(Writer& writer, const TokenRequest& request, NewToken& out) {
  if (auto refusal = check_owner(writer, request)) return refusal;
  const auto lifetime = request.lifetime ? request.lifetime : usual_lifetime(request.type);
  if (lifetime && *lifetime <= absl::ZeroDuration()) {
    return Problem{Code::kInvalid, "/expires_at", "it would be over already"};
  }
  if (request.type == TokenType::kClient && *lifetime > kMaxClientSession) {
    return Problem{Code::kInvalid, "/expires_at", "a session of a client lasts 90 days at most"};
  }
  if (writer.database().number("SELECT count(*) FROM tokens") >= kMaxTokens) {
    return Problem{Code::kLimit, "", fmt::format("{} tokens at most", kMaxTokens)};
  }
  Bytes salt(kSaltBytes);
  writer.random().fill(salt);
  Secret<kSecretBytes> random;
  writer.random().fill(random.mutable_bytes());
  const SecretText secret(wireguard::encode_base64_url(random.bytes()));
  out.row = {.id = new_id(writer.random()),
             .type = request.type,
             .name = request.name.empty() ? name(request.type) : request.name,
             .actor_id = request.actor_id,
             .site_id = request.site_id,
             .gateway_id = std::nullopt,
             .created_at = writer.author().now,
             .expires_at = std::nullopt,
             .last_used_at = std::nullopt,
             .last_used_by = std::nullopt};
  if (lifetime) out.row.expires_at = writer.author().now + *lifetime;
  std::string digits = out.row.id;
  std::erase(digits, '-');
  out.text = SecretText(fmt::format("clp_{}_{}_{}", name(request.type), digits, secret.reveal()));
  insert(writer, out.row, salt, hash_of(salt, secret.reveal()));
  writer.log({.action = Change::Action::kCreated,
              .kind = "token",
              .id = out.row.id,
              .label = out.row.name,
              .before = nullptr,
              .after = to_json(out.row)});
  return store_problem(writer.database().status());
}

Refusal revoke_token(Writer& writer, const std::string& id) {
  const Rows rows =
      writer.database().query(fmt::format("SELECT {} FROM tokens WHERE id = ?1", kColumns), {id});
  if (!writer.database().status().ok()) return store_problem(writer.database().status());
  if (rows.empty()) return Problem{Code::kNotFound, "", fmt::format("no token \"{}\"", id)};
  const TokenRow row = from_row(rows[0]);
  writer.database().run("DELETE FROM tokens WHERE id = ?1", {id});
  writer.log({.action = Change::Action::kDeleted,
              .kind = "token",
              .id = id,
              .label = row.name,
              .before = to_json(row),
              .after = nullptr});
  return store_problem(writer.database().status());
}

std::vector<TokenRow> list_tokens(Store& store) {
  std::vector<TokenRow> out;
  const Rows rows = store.database().query(
      fmt::format("SELECT {} FROM tokens ORDER BY created_at, id", kColumns));
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(from_row(row));
  return out;
}

absl::StatusOr<std::optional<TokenRow>> find_token(Store& store, std::string_view text) {
  const auto parsed = parse_text(text);
  if (!parsed) return std::nullopt;
  const Rows rows = store.database().query(
      fmt::format("SELECT {} FROM tokens WHERE id = ?1", kColumns), {parsed->id});
  if (absl::Status status = store.database().take_status(); !status.ok()) return status;
  if (rows.empty()) return std::nullopt;
  TokenRow row = from_row(rows[0]);
  const wireguard::Hash hash = hash_of(rows[0].bytes(10), parsed->secret);
  if (row.type != parsed->type || !equal_constant_time(hash, rows[0].bytes(11))) {
    return std::nullopt;
  }
  return row;
}

}  // namespace connlib::portald
