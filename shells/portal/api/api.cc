#include "shells/portal/api/api.h"

#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/strip.h>
#include <fmt/format.h>

#include "shells/portal/api/responses.h"
#include "shells/portal/api/routes.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

constexpr size_t kMaxId = 64;  // A UUID is shorter.

// Whether the path is that of the route; `id` is what stands for {id}.
bool matches(const Route& route, std::string_view path, std::string& id) {
  constexpr std::string_view kId = "{id}";
  const std::string_view pattern = route.path;
  const bool has_id =
      pattern.size() > kId.size() && pattern.substr(pattern.size() - kId.size()) == kId;
  if (!has_id) return path == pattern;
  const std::string_view before = pattern.substr(0, pattern.size() - kId.size());
  if (path.size() <= before.size() || path.substr(0, before.size()) != before) return false;
  path.remove_prefix(before.size());
  if (path.size() > kMaxId || path.find('/') != std::string_view::npos) return false;
  id = path;
  return true;
}

HttpResponse too_many() {
  return problem_response(429, "rate_limit", "too many requests: wait a second");
}

}  // namespace

HttpResponse Api::authorize(Call& call) {
  if (!call.request.bearer) {
    return problem_response(401, "missing_token", "Authorization: Bearer TOKEN is missing");
  }
  const auto token = find_token(store_, *call.request.bearer);
  if (!token.ok()) return problem_response(*store_problem(token.status()));
  const auto denied = [] { return problem_response(401, "invalid_token", "Invalid token"); };
  if (!*token || (*token)->type != TokenType::kApi || (*token)->is_expired(call.at.date)) {
    return denied();
  }
  if (!by_token_.allows((*token)->id, call.at.now)) return too_many();
  const auto actor = store_.find(*find_kind("actor"), (*token)->actor_id.value_or(""));
  // Once a minute is often enough to know that a token is in use.
  store_.database().run(
      "UPDATE tokens SET last_used_at = ?2, last_used_by = ?3 WHERE id = ?1 AND "
      "ifnull(last_used_at, 0) < ?2 - 60",
      {(*token)->id, int64_t{absl::ToUnixSeconds(call.at.date)}, call.request.source});
  if (absl::Status status = store_.database().take_status(); !status.ok()) {
    return problem_response(*store_problem(status));
  }
  if (!actor || actor->value("disabled", true)) return denied();
  const auto type = actor->value("type", "");
  if (type != "account_admin_user" && type != "api_client") {
    return problem_response(403, "not_permitted", fmt::format("an actor of type {} may not", type));
  }
  call.author = fmt::format("actor:{} token:{}", actor->value("name", ""), (*token)->id);
  return {};
}

HttpResponse Api::route(const Moment& at, const HttpRequest& request) {
  std::string_view path = request.path;
  path.remove_prefix(std::min(path.size(), kApiPrefix.size()));
  std::string allowed;
  for (const Route& route : routes()) {
    Call call{.at = at, .request = request};
    if (!matches(route, path, call.id)) continue;
    if (request.method != route.method) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
      continue;
    }
    if (!by_source_.allows(request.source, at.now)) return too_many();
    if (route.is_public) {
      // Each guess costs as much as a password is worth.
      const bool is_guess = !route.request.empty();
      if (is_guess && !sign_ins_.allows(request.source, at.now)) return too_many();
      return route.handler(*this, call, route.kind);
    }
    HttpResponse refused = authorize(call);
    if (refused.status != 200) return refused;
    return route.handler(*this, call, route.kind);
  }
  if (allowed.empty()) return problem_response(404, "no_such_path", "there is nothing here");
  HttpResponse out = problem_response(405, "method_not_allowed", "allowed: " + allowed);
  out.headers.emplace_back("Allow", allowed);
  return out;
}

HttpResponse Api::handle(const Moment& at, const HttpRequest& request) {
  ++requests_;
  HttpResponse out = route(at, request);
  if (out.status == 401) ++refused_;
  return out;
}

}  // namespace connlib::portald
