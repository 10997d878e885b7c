#include "shells/portal/api/routes.h"

#include <algorithm>
#include <utility>

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include "shells/portal/api/responses.h"
#include "shells/portal/store/passwords.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

HttpResponse store_failed(const absl::Status& status) {
  return problem_response(*store_problem(status));
}

Writer begin(Api& api, const Call& call) {
  return Writer(api.store(), {call.author, call.at.date}, api.random());
}

std::string id_of(Api& api, const Call& call, const Kind* kind) {
  if (kind != &account_kind()) return call.id;
  const Json account = api.store().account();
  return account.is_null() ? "" : account.value("id", "");
}

HttpResponse list(Api& api, const Call& /*call*/, const Kind* kind) {
  Transaction transaction(api.store().database(), Transaction::Kind::kRead);
  Json items = api.store().list(*kind);
  if (absl::Status status = transaction.commit(); !status.ok()) return store_failed(status);
  return json_response(200, {{"items", std::move(items)}});
}

HttpResponse show(Api& api, const Call& call, const Kind* kind) {
  const std::string id = id_of(api, call, kind);
  const auto found = api.store().find(*kind, id);
  if (absl::Status status = api.store().database().take_status(); !status.ok()) {
    return store_failed(status);
  }
  if (found) return json_response(200, *found);
  return problem_response(404, "not_found", fmt::format("no {} \"{}\"", kind->name, id));
}

HttpResponse create(Api& api, const Call& call, const Kind* kind) {
  Json body;
  if (auto refusal = parse_body(call.request.body, body)) return *refusal;
  std::string id;
  {
    Writer writer = begin(api, call);
    if (auto refusal = writer.create(*kind, body, id)) return problem_response(*refusal);
    if (auto refusal = writer.commit()) return problem_response(*refusal);
  }
  Call made = call;
  made.id = id;
  HttpResponse out = show(api, made, kind);
  if (out.status == 200) out.status = 201;
  out.headers.emplace_back("Location", fmt::format("{}/{}/{}", kApiPrefix, kind->plural, id));
  return out;
}

HttpResponse update(Api& api, const Call& call, const Kind* kind) {
  Json body;
  if (auto refusal = parse_body(call.request.body, body)) return *refusal;
  {
    const std::string id = id_of(api, call, kind);
    Writer writer = begin(api, call);
    if (auto refusal = writer.update(*kind, id, body)) return problem_response(*refusal);
    if (auto refusal = writer.commit()) return problem_response(*refusal);
  }
  return show(api, call, kind);
}

HttpResponse remove(Api& api, const Call& call, const Kind* kind) {
  Writer writer = begin(api, call);
  if (auto refusal = writer.remove(*kind, call.id)) return problem_response(*refusal);
  if (auto refusal = writer.commit()) return problem_response(*refusal);
  return {.status = 204, .content_type = ""};
}

HttpResponse list_all_tokens(Api& api, const Call& /*call*/, const Kind* /*kind*/) {
  Json items = Json::array();
  for (const TokenRow& token : list_tokens(api.store())) items.push_back(to_json(token));
  if (absl::Status status = api.store().database().take_status(); !status.ok()) {
    return store_failed(status);
  }
  return json_response(200, {{"items", std::move(items)}});
}

// The text of a member, nothing when it is not given; `bad` is set when it is something else.
std::optional<std::string> text_member(const Json& body, const char* member, Refusal& bad) {
  const auto found = body.find(member);
  if (found == body.end() || found->is_null()) return std::nullopt;
  if (found->is_string() && found->get_ref<const std::string&>().size() <= kMaxText) {
    return found->get<std::string>();
  }
  bad = Problem{Problem::Code::kInvalid, fmt::format("/{}", member),
                fmt::format("not a text of up to {} bytes", kMaxText)};
  return std::nullopt;
}

// What may be said, so that a slip of the pen is not taken for nothing.
Refusal check_names(const Json& body, std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : body.items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return Problem{Problem::Code::kUnknownMember, "/" + name,
                   fmt::format("there is no \"{}\" here", name)};
  }
  return std::nullopt;
}

HttpResponse new_token(Api& api, const Call& call, const TokenRequest& request) {
  Writer writer = begin(api, call);
  NewToken token;
  if (auto refusal = create_token(writer, request, token)) return problem_response(*refusal);
  if (auto refusal = writer.commit()) return problem_response(*refusal);
  Json body = to_json(token.row);
  body["token"] = token.text.reveal();
  HttpResponse out = json_response(201, body);
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

HttpResponse create_a_token(Api& api, const Call& call, const Kind* /*kind*/) {
  Json body;
  if (auto refusal = parse_body(call.request.body, body)) return *refusal;
  Refusal bad = check_names(body, {"type", "name", "actor_id", "site_id", "expires_at"});
  const auto type = text_member(body, "type", bad);
  const auto name = text_member(body, "name", bad);
  const auto actor = text_member(body, "actor_id", bad);
  const auto site = text_member(body, "site_id", bad);
  const auto expires = text_member(body, "expires_at", bad);
  if (bad) return problem_response(*bad);
  const auto parsed = type ? parse_token_type(*type) : std::nullopt;
  if (!parsed) {
    return problem_response({Problem::Code::kInvalid, "/type",
                             "not one of client, service-account, gateway, relay, api"});
  }
  TokenRequest request{
      .type = *parsed, .name = name.value_or(""), .actor_id = actor, .site_id = site};
  absl::Time at;
  if (expires && !absl::ParseTime(absl::RFC3339_full, *expires, &at, nullptr)) {
    return problem_response(
        {Problem::Code::kInvalid, "/expires_at", "not a time such as 2026-09-21T08:00:00Z"});
  }
  if (expires) request.lifetime = at - call.at.date;
  return new_token(api, call, request);
}

HttpResponse revoke_a_token(Api& api, const Call& call, const Kind* /*kind*/) {
  Writer writer = begin(api, call);
  if (auto refusal = revoke_token(writer, call.id)) return problem_response(*refusal);
  if (auto refusal = writer.commit()) return problem_response(*refusal);
  return {.status = 204, .content_type = ""};
}

Json parsed_or_null(const Row& row, size_t column) {
  return row.is_null(column) ? Json(nullptr) : Json::parse(row.text(column), nullptr, false);
}

HttpResponse list_changes(Api& api, const Call& call, const Kind* /*kind*/) {
  int64_t after = 0;
  int64_t limit = 100;
  for (const auto& [name, value] : call.request.query) {
    int64_t* number = name == "after" ? &after : name == "limit" ? &limit : nullptr;
    if (number == nullptr || !absl::SimpleAtoi(value, number) || *number < 0 || limit > kMaxPage) {
      return problem_response(422, "invalid_value",
                              "only after (a number) and limit (1000 at most) can be asked for");
    }
  }
  const Rows rows = api.store().database().query(
      "SELECT number, at, by, action, kind, object_id, name, before, after FROM changes "
      "WHERE number > ?1 ORDER BY number LIMIT ?2",
      {after, limit});
  if (absl::Status status = api.store().database().take_status(); !status.ok()) {
    return store_failed(status);
  }
  Json items = Json::array();
  for (const Row& row : rows) {
    items.push_back(
        {{"number", row.integer(0)},
         {"at", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(row.integer(1)),
                                 absl::UTCTimeZone())},
         {"by", row.text(2)},
         {"action", row.text(3)},
         {"kind", row.text(4)},
         {"object_id", row.text(5)},
         {"name", row.text(6)},
         {"before", parsed_or_null(row, 7)},
         {"after", parsed_or_null(row, 8)}});
  }
  return json_response(200, {{"items", std::move(items)}});
}

HttpResponse show_openapi(Api& /*api*/, const Call& /*call*/, const Kind* /*kind*/) {
  return json_response(200, openapi());
}

// A password becomes a token of the API for eight hours. One that `init` made must be replaced.
HttpResponse sign_in(Api& api, const Call& call, const Kind* /*kind*/) {
  Json body;
  if (auto refusal = parse_body(call.request.body, body)) return *refusal;
  Refusal bad = check_names(body, {"actor", "password", "new_password"});
  const auto actor = text_member(body, "actor", bad);
  const auto password = text_member(body, "password", bad);
  const auto replacement = text_member(body, "new_password", bad);
  if (bad) return problem_response(*bad);
  const auto found = api.store().find_named(*find_kind("actor"), actor.value_or(""));
  const std::string id = found ? found->value("id", "") : "";
  const auto checked = check_password(api.store(), id, password.value_or(""));
  if (!checked.ok()) return store_failed(checked.status());
  if (!found || *checked == PasswordCheck::kWrong || found->value("disabled", true)) {
    return problem_response(401, "invalid_credentials", "no such actor with this password");
  }
  if (*checked == PasswordCheck::kOneTime && !replacement) {
    return problem_response(403, "password_change_required",
                            "a one-time password needs new_password beside it", "/new_password");
  }
  Call signed_in = call;
  signed_in.author = fmt::format("actor:{}", found->value("name", ""));
  if (replacement) {
    Writer writer = begin(api, signed_in);
    if (auto refusal = set_password(writer, id, *replacement, false)) {
      return problem_response(*refusal);
    }
    if (auto refusal = writer.commit()) return problem_response(*refusal);
  }
  return new_token(api, signed_in,
                   {.type = TokenType::kApi,
                    .name = "sign-in",
                    .actor_id = id,
                    .lifetime = absl::Hours(8)});  // Spec shells 7.
}

std::vector<Route> make_routes() {
  std::vector<Route> out{
      {"GET", "/openapi.json", "This document", nullptr, "", "OpenApi", 200, &show_openapi, true},
      {"POST", "/sign-in", "Exchange a password for a token of the API", nullptr, "SignIn",
       "NewToken", 201, &sign_in, true},
      {"GET", "/account", "The account", &account_kind(), "", "account", 200, &show},
      {"PATCH", "/account", "Change the account", &account_kind(), "account_change", "account", 200,
       &update},
      {"GET", "/tokens", "All tokens, without their secrets", nullptr, "", "Tokens", 200,
       &list_all_tokens},
      {"POST", "/tokens", "Make a token and show it this once", nullptr, "TokenRequest", "NewToken",
       201, &create_a_token},
      {"DELETE", "/tokens/{id}", "End a token and all that it granted", nullptr, "", "", 204,
       &revoke_a_token},
      {"GET", "/changes", "The log of changes, oldest first", nullptr, "", "Changes", 200,
       &list_changes}};
  for (const Kind& kind : kinds()) {
    const std::string all = fmt::format("/{}", kind.plural);
    const std::string one = all + "/{id}";
    const std::string change = fmt::format("{}_change", kind.name);
    out.push_back({"GET", all, "All of them", &kind, "", kind.plural, 200, &list});
    out.push_back({"POST", all, "Make one", &kind, fmt::format("new_{}", kind.name), kind.name, 201,
                   &create});
    out.push_back({"GET", one, "One of them", &kind, "", kind.name, 200, &show});
    out.push_back(
        {"PATCH", one, "Change the members given", &kind, change, kind.name, 200, &update});
    out.push_back(
        {"DELETE", one, "Remove it and all that refers to it", &kind, "", "", 204, &remove});
  }
  return out;
}

}  // namespace

std::span<const Route> routes() {
  static const std::vector<Route> all = make_routes();
  return all;
}

}  // namespace connlib::portald
