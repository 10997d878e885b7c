#include <fmt/format.h>

#include "shells/portal/command.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

// What the text names: `kind` by name or id.
ExitCode find(Environment& environment, Store& store, const char* kind, const std::string& text,
              std::optional<std::string>& id) {
  if (text.empty()) return ExitCode::kDone;
  const auto found = store.find_named(*find_kind(kind), text);
  if (!found) {
    return environment.fail(ExitCode::kNotFound, fmt::format("no {} \"{}\"", kind, text));
  }
  id = found->at("id").get<std::string>();
  return ExitCode::kDone;
}

std::string name_of(Store& store, const char* kind, const std::optional<std::string>& id) {
  if (!id) return "";
  const auto found = store.find(*find_kind(kind), *id);
  return found ? found->value("name", *id) : *id;
}

std::string line(Store& store, const TokenRow& token, absl::Time now) {
  std::string owner = name_of(store, "actor", token.actor_id);
  owner += name_of(store, "site", token.site_id);
  std::string until = token.expires_at ? time_text(*token.expires_at) : "never";
  if (token.is_expired(now)) until = "expired";
  const std::string used = token.last_used_at ? time_text(*token.last_used_at) : "never";
  return fmt::format("{:36}  {:15}  {:20}  {:20}  {:20}  {}\n", token.id, name(token.type), owner,
                     until, used, token.name);
}

}  // namespace

ExitCode run_token_create(Environment& environment, const std::string& db,
                          const TokenCreateOptions& options) {
  TokenRequest request{.type = *parse_token_type(options.type), .name = options.name};
  if (!options.expires.empty()) {
    request.lifetime = parse_duration(options.expires);
    if (!request.lifetime) {
      return environment.fail(
          ExitCode::kUsage,
          fmt::format("--expires {}: not a time such as 12h or 30d", options.expires));
    }
  }
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  const ExitCode actor = find(environment, *store, "actor", options.actor, request.actor_id);
  if (actor != ExitCode::kDone) return actor;
  const ExitCode site = find(environment, *store, "site", options.site, request.site_id);
  if (site != ExitCode::kDone) return site;
  Writer writer(*store, {environment.author, environment.now}, environment.random);
  NewToken token;
  if (const auto refusal = create_token(writer, request, token)) {
    return environment.refuse(*refusal);
  }
  if (const auto refusal = writer.commit()) return environment.refuse(*refusal);
  if (options.is_json) {
    Json json = to_json(token.row);
    json["token"] = token.text.reveal();
    json["schema"] = 1;
    environment.out += json.dump(2) + "\n";
    return ExitCode::kDone;
  }
  // The token alone goes to stdout, so that a script can keep it.
  environment.out += fmt::format("{}\n", token.text.reveal());
  environment.err += fmt::format(
      "{} token {}, expires {}. It is shown this once; `connlib-portal token revoke {}` ends it.\n",
      options.type, token.row.id, token.row.expires_at ? time_text(*token.row.expires_at) : "never",
      token.row.id);
  return ExitCode::kDone;
}

ExitCode run_token_list(Environment& environment, const std::string& db, bool is_json) {
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  Transaction transaction(store->database(), Transaction::Kind::kRead);
  const auto tokens = list_tokens(*store);
  std::string text;
  Json list = Json::array();
  if (!tokens.empty()) {
    text = fmt::format("{:36}  {:15}  {:20}  {:20}  {:20}  {}\n", "ID", "TYPE", "OF", "EXPIRES",
                       "LAST USED", "NAME");
  }
  for (const TokenRow& token : tokens) {
    text += line(*store, token, environment.now);
    list.push_back(to_json(token));
  }
  if (absl::Status status = transaction.commit(); !status.ok()) return environment.fail(status);
  environment.out +=
      is_json ? Json{{"schema", 1}, {"tokens", std::move(list)}}.dump(2) + "\n" : text;
  return ExitCode::kDone;
}

ExitCode run_token_revoke(Environment& environment, const std::string& db, const std::string& id) {
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  Writer writer(*store, {environment.author, environment.now}, environment.random);
  if (const auto refusal = revoke_token(writer, id)) return environment.refuse(*refusal);
  if (const auto refusal = writer.commit()) return environment.refuse(*refusal);
  environment.out += fmt::format("revoked {}\n", id);
  return ExitCode::kDone;
}

}  // namespace connlib::portald
