// The API as programs meet it, each answer held against the document that the API serves itself.
#include "shells/portal/api/api.h"

#include <set>

#include "shells/portal/api/routes.h"
#include "shells/portal/store/passwords.h"
#include "shells/portal/store/store_fixture.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

// Why `value` is not what `schema` says; empty if it is. As much of JSON Schema as the document
// has.
std::string why_not(const Json& schema, const Json& value) {
  if (schema.contains("$ref")) {
    const auto name = schema.at("$ref").get<std::string>().substr(21);
    return why_not(openapi().at("components").at("schemas").at(name), value);
  }
  if (schema.contains("enum")) {
    for (const Json& each : schema.at("enum")) {
      if (each == value) return "";
    }
    return value.dump() + " is not in " + schema.at("enum").dump();
  }
  const Json types =
      schema.at("type").is_array() ? schema.at("type") : Json::array({schema.at("type")});
  const std::string is = value.is_number_integer() ? "integer" : value.type_name();
  bool fits = false;
  for (const Json& type : types) fits = fits || type == is;
  if (!fits) return value.dump() + " is not of type " + types.dump();
  if (value.is_array()) {
    for (const Json& each : value) {
      if (auto why = why_not(schema.at("items"), each); !why.empty()) return why;
    }
  }
  if (!value.is_object() || !schema.contains("properties")) return "";
  for (const Json& name : schema.at("required")) {
    if (!value.contains(name.get<std::string>())) return name.dump() + " is missing";
  }
  for (const auto& [name, member] : value.items()) {
    if (!schema.at("properties").contains(name)) return name + " is not described";
    if (auto why = why_not(schema.at("properties").at(name), member); !why.empty()) {
      return name + ": " + why;
    }
  }
  return "";
}

struct Answer {
  HttpResponse response;
  Json body;
  std::string code() const { return body.is_object() ? body.value("code", "") : ""; }
};

struct ApiFixture : StoreFixture {
  ApiFixture() {
    Writer writer = begin();
    NewToken made;
    REQUIRE_FALSE(
        create_token(writer, {.type = TokenType::kApi, .name = "test", .actor_id = admin}, made));
    commit(writer);
    token = std::string(made.text.reveal());
  }
  Answer raw(HttpRequest request) {
    clock += 1s;  // Nobody hurries.
    request.source = source;
    Answer out{api.handle({clock, now}, request), nullptr};
    if (!out.response.body.empty()) out.body = Json::parse(out.response.body);
    return out;
  }
  Answer ask(const std::string& method, const std::string& path, const Json& body = nullptr) {
    return raw({.method = method,
                .path = "/api/v1" + path,
                .bearer = token,
                .body = body.is_null() ? "" : body.dump()});
  }
  // As ask(), and what is sent and answered is as the document says.
  Answer described(const std::string& method, const std::string& path, const std::string& pattern,
                   const Json& body = nullptr) {
    CAPTURE(method, path, body.dump());
    std::string lower = method;
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const Json& operation = openapi().at("paths").at("/api/v1" + pattern).at(lower);
    if (operation.contains("requestBody")) {
      const Json& schema =
          operation.at("requestBody").at("content").at("application/json").at("schema");
      CHECK(why_not(schema, body) == "");
    }
    Answer out = ask(method, path, body);
    CAPTURE(out.response.body);
    const Json& responses = operation.at("responses");
    const std::string status = std::to_string(out.response.status);
    REQUIRE(responses.contains(status));
    if (responses.at(status).contains("content")) {
      const Json& content = responses.at(status).at("content");
      REQUIRE(content.contains(out.response.content_type));
      CHECK(why_not(content.at(out.response.content_type).at("schema"), out.body) == "");
    } else {
      CHECK(out.response.body.empty());
    }
    seen.insert(method + " " + pattern);
    return out;
  }
  void check_problem(const Answer& answer, unsigned status, const std::string& code) {
    CAPTURE(answer.response.body);
    CHECK(answer.response.status == status);
    CHECK(answer.code() == code);
    CHECK(answer.response.content_type == "application/problem+json");
    CHECK(why_not({{"$ref", "#/components/schemas/Problem"}}, answer.body) == "");
  }

  Timestamp clock = Timestamp() + 12345s;
  Api api{store, random};
  std::string token;
  std::string source = "192.0.2.1";
  std::set<std::string> seen;
};

TEST_CASE_METHOD(ApiFixture,
                 "every route answers as the document that the API serves describes it") {
  const auto life = [this](const std::string& plural, const Json& body, const Json& change) {
    const std::string one = "/" + plural + "/{id}";
    const Answer made = described("POST", "/" + plural, "/" + plural, body);
    const std::string id = made.body.value("id", "");
    CHECK(made.response.headers.at(0).second == "/api/v1/" + plural + "/" + id);
    const std::string path = "/" + plural + "/" + id;
    CHECK(described("GET", path, one).body == made.body);
    const Json changed = described("PATCH", path, one, change).body;
    for (const auto& [name, value] : change.items()) CHECK(changed.at(name) == value);
    const Json items = described("GET", "/" + plural, "/" + plural).body.at("items");
    CHECK(std::find(items.begin(), items.end(), changed) != items.end());
    return id;
  };
  const std::string branch = life("sites", {{"name", "Branch"}}, {{"health_threshold", 2}});
  const std::string jane = life("actors", {{"name", "jane"}}, {{"email", "jane@example.com"}});
  const std::string staff = life("groups", {{"name", "Staff"}}, {{"members", {jane}}});
  const std::string wiki =
      life("resources",
           {{"name", "Wiki"}, {"site_id", branch}, {"type", "dns"}, {"address", "wiki.example"}},
           {{"filters", {"tcp/443"}}});
  const std::string policy = life("policies", {{"group_id", staff}, {"resource_id", wiki}},
                                  {{"conditions", {{"remote_ip", {{"in", {"10.0.0.0/8"}}}}}}});
  described("GET", "/account", "/account");
  described("PATCH", "/account", "/account", {{"search_domain", "corp.example"}});
  const Json made = described("POST", "/tokens", "/tokens", {{"type", "relay"}}).body;
  described("GET", "/tokens", "/tokens");
  described("DELETE", "/tokens/" + made.value("id", ""), "/tokens/{id}");
  described("GET", "/changes", "/changes");
  described("GET", "/openapi.json", "/openapi.json");
  {
    Writer writer = begin();
    REQUIRE_FALSE(set_password(writer, admin, "one-time-password", true));
    commit(writer);
  }
  described("POST", "/sign-in", "/sign-in",
            {{"actor", "admin"},
             {"password", "one-time-password"},
             {"new_password", "correct horse battery"}});
  for (const auto& [plural, id] :
       std::vector<std::pair<std::string, std::string>>{{"policies", policy},
                                                        {"resources", wiki},
                                                        {"groups", staff},
                                                        {"actors", jane},
                                                        {"sites", branch}}) {
    described("DELETE", "/" + plural + "/" + id, "/" + plural + "/{id}");
    check_problem(ask("GET", "/" + plural + "/" + id), 404, "not_found");
  }
  for (const Route& route : routes()) {
    CAPTURE(route.method, route.path);
    CHECK(seen.contains(std::string(route.method) + " " + route.path));
  }
}

TEST_CASE_METHOD(ApiFixture, "only a token of the API that still holds opens it") {
  const auto with = [this](std::optional<std::string> bearer) {
    return raw({.method = "GET", .path = "/api/v1/sites", .bearer = std::move(bearer)});
  };
  CHECK(with(token).response.status == 200);
  check_problem(with(std::nullopt), 401, "missing_token");
  check_problem(with(token + "x"), 401, "invalid_token");
  const Json relay = ask("POST", "/tokens", {{"type", "relay"}}).body;
  check_problem(with(relay.value("token", "")), 401, "invalid_token");
  SECTION("not once it expired") {
    now += absl::Hours(24 * 366);
    check_problem(with(token), 401, "invalid_token");
  }
  SECTION("not once it was revoked") {
    Writer writer = begin();
    for (const TokenRow& row : list_tokens(store)) REQUIRE_FALSE(revoke_token(writer, row.id));
    commit(writer);
    check_problem(with(token), 401, "invalid_token");
  }
  SECTION("not once its actor was disabled or lost the right") {
    Writer writer = begin();
    make(writer, "actor", {{"name", "other"}, {"type", "account_admin_user"}});
    const bool is_disabled = GENERATE(false, true);
    const Json change = is_disabled ? Json{{"disabled", true}} : Json{{"type", "account_user"}};
    REQUIRE_FALSE(writer.update(*find_kind("actor"), admin, change));
    commit(writer);
    check_problem(with(token), is_disabled ? 401 : 403,
                  is_disabled ? "invalid_token" : "not_permitted");
  }
}

TEST_CASE_METHOD(ApiFixture, "a request that makes no sense gets a stable code and the place") {
  check_problem(ask("GET", "/nothing"), 404, "no_such_path");
  check_problem(ask("GET", "/sites/none"), 404, "not_found");
  check_problem(ask("PUT", "/sites"), 405, "method_not_allowed");
  check_problem(ask("POST", "/sites", {{"name", "HQ"}}), 409, "conflict");
  check_problem(ask("DELETE", "/actors/" + admin), 409, "protected");
  check_problem(ask("DELETE", "/groups/" + everyone), 409, "protected");
  const Answer typo = ask("PATCH", "/sites/" + site, {{"nmae", "X"}});
  check_problem(typo, 422, "unknown_member");
  CHECK(typo.body.at("pointer") == "/nmae");
  const Answer nowhere =
      ask("POST", "/resources", {{"name", "A"}, {"site_id", "x"}, {"type", "internet"}});
  check_problem(nowhere, 422, "not_found");
  CHECK(nowhere.body.at("pointer") == "/site_id");
  check_problem(ask("POST", "/tokens", {{"type", "door"}}), 422, "invalid_value");
  check_problem(ask("POST", "/tokens", {{"type", "relay"}, {"expires", "2030"}}), 422,
                "unknown_member");
}

TEST_CASE_METHOD(ApiFixture,
                 "a body that is no object of ours is refused before it costs anything") {
  const auto body = GENERATE(std::string(), std::string("{"), std::string("[]"), std::string("7"),
                             std::string("{\"name\": \"\xff\"}"), std::string(500'000, '['),
                             "{\"name\":" + std::string(500'000, '{'));
  const auto answer =
      raw({.method = "POST", .path = "/api/v1/sites", .bearer = token, .body = body});
  check_problem(answer, 400, "invalid_json");
  const auto large = raw({.method = "POST",
                          .path = "/api/v1/sites",
                          .bearer = token,
                          .body = std::string(kMaxBody + 1, ' ')});
  check_problem(large, 413, "body_too_large");
}

TEST_CASE_METHOD(ApiFixture, "a one-time password serves once, and only to set another") {
  {
    Writer writer = begin();
    REQUIRE_FALSE(set_password(writer, admin, "abcd-efgh-ijkl-mnop", true));
    commit(writer);
  }
  const auto sign_in = [this](const Json& body) {
    clock += 60s;
    return raw({.method = "POST", .path = "/api/v1/sign-in", .body = body.dump()});
  };
  check_problem(sign_in({{"actor", "admin"}, {"password", "abcd-efgh-ijkl-mnox"}}), 401,
                "invalid_credentials");
  check_problem(sign_in({{"actor", "nobody"}, {"password", "abcd-efgh-ijkl-mnop"}}), 401,
                "invalid_credentials");
  check_problem(sign_in({{"actor", "admin"}, {"password", "abcd-efgh-ijkl-mnop"}}), 403,
                "password_change_required");
  check_problem(
      sign_in({{"actor", "admin"}, {"password", "abcd-efgh-ijkl-mnop"}, {"new_password", "short"}}),
      422, "invalid_value");
  const Answer done = sign_in({{"actor", "admin"},
                               {"password", "abcd-efgh-ijkl-mnop"},
                               {"new_password", "correct horse battery"}});
  REQUIRE(done.response.status == 201);
  check_problem(sign_in({{"actor", "admin"}, {"password", "abcd-efgh-ijkl-mnop"}}), 401,
                "invalid_credentials");
  CHECK(sign_in({{"actor", "admin"}, {"password", "correct horse battery"}}).response.status ==
        201);
  token = done.body.value("token", "");
  CHECK(ask("GET", "/sites").response.status == 200);
}

TEST_CASE_METHOD(ApiFixture, "whoever asks too often has to wait, and nobody else") {
  const auto guess = [this] {
    HttpRequest request{.method = "POST", .path = "/api/v1/sign-in", .source = source};
    return api.handle({clock, now}, request).status;
  };
  unsigned refused = 0;
  for (int i = 0; i < 20; ++i) refused += guess() == 429 ? 1U : 0U;
  CHECK(refused == 15);
  source = "192.0.2.2";
  CHECK(guess() == 400);
  source = "192.0.2.1";
  clock += 12s;
  CHECK(guess() == 400);
  CHECK(guess() == 429);
}

TEST_CASE("a flood of names neither grows nor frees who is slowed down") {
  RateLimit limit(1, 10s);
  const Timestamp now = Timestamp() + 777s;
  CHECK(limit.allows("first", now));
  for (size_t i = 1; i < RateLimit::kMaxNames; ++i) CHECK(limit.allows(std::to_string(i), now));
  CHECK_FALSE(limit.allows("one more", now));
  CHECK_FALSE(limit.allows("first", now + 9s));
  CHECK(limit.allows("one more", now + 10s));
}

TEST_CASE_METHOD(ApiFixture, "the log names who wrote, and is read in pages") {
  const Json made = ask("POST", "/sites", {{"name", "Branch"}}).body;
  const Json all = ask("GET", "/changes").body.at("items");
  CHECK(all.back().at("object_id") == made.at("id"));
  CHECK(all.back().value("by", "").find("actor:admin token:") == 0);
  HttpRequest page{.method = "GET",
                   .path = "/api/v1/changes",
                   .query = {{"after", "1"}, {"limit", "2"}},
                   .bearer = token};
  const Json items = raw(page).body.at("items");
  REQUIRE(items.size() == 2);
  CHECK(items[0].at("number") == 2);
  page.query["limit"] = "1001";
  check_problem(raw(page), 422, "invalid_value");
  CHECK(raw(page).response.body.find(token) == std::string::npos);
}

}  // namespace
}  // namespace connlib::portald
