// What a store promises: nothing half written, nothing dangling, every write in the log, and a way
// forward for old files that cannot lose them.
#include "shells/portal/store/store.h"

#include <fstream>
#include <sstream>

#include <sys/stat.h>

#include "connlib/policy/decision.h"
#include "shells/portal/store/load_rules.h"
#include "shells/portal/store/passwords.h"
#include "shells/portal/store/store_fixture.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

using Code = Problem::Code;

struct GivenObjects : StoreFixture {
  GivenObjects() {
    Writer writer = begin();
    jane = make(writer, "actor", {{"name", "jane"}});
    staff = make(writer, "group", {{"name", "Staff"}, {"members", {jane}}});
    wiki = make(writer, "resource",
                {{"name", "Wiki"}, {"site_id", site}, {"type", "dns"}, {"address", "wiki.test"}});
    policy = make(writer, "policy", {{"group_id", staff}, {"resource_id", wiki}});
    commit(writer);
  }
  std::string jane, staff, wiki, policy;
};

TEST_CASE_METHOD(GivenObjects, "what was written is read back by the next process") {
  auto again = Store::open(folder.file("portal.db"), now);
  REQUIRE(again.ok());
  const auto found = again->find_named(*find_kind("resource"), "Wiki");
  REQUIRE(found);
  CHECK(found->at("id") == wiki);
  CHECK(found->at("address") == "wiki.test");
  CHECK(found->at("ip_stack") == "dual");
  CHECK(found->at("filters") == Json::array());
  CHECK(again->find(*find_kind("group"), staff)->at("members") == Json{jane});
  CHECK(again->label(*find_kind("policy"), *again->find(*find_kind("policy"), policy)) ==
        "Staff -> Wiki");
}

TEST_CASE_METHOD(GivenObjects, "a transaction that is not committed never was") {
  {
    Writer writer = begin();
    make(writer, "site", {{"name", "Branch"}});
  }
  CHECK_FALSE(store.find_named(*find_kind("site"), "Branch"));
  CHECK(store.database().number("SELECT count(*) FROM changes WHERE name = 'Branch'") == 0);
}

TEST_CASE_METHOD(GivenObjects, "a site takes its resources and their policies along, and says so") {
  Writer writer = begin();
  REQUIRE_FALSE(writer.remove(*find_kind("site"), site));
  std::vector<std::string> gone;
  for (const Change& change : writer.changes()) gone.push_back(change.kind + " " + change.label);
  CHECK(gone == std::vector<std::string>{"policy Staff -> Wiki", "resource Wiki", "site HQ"});
  commit(writer);
  CHECK(store.list(*find_kind("policy")).empty());
}

TEST_CASE_METHOD(GivenObjects, "an actor that is removed leaves its groups and loses its tokens") {
  NewToken token;
  {
    Writer writer = begin();
    REQUIRE_FALSE(
        create_token(writer, {.type = TokenType::kClient, .name = "", .actor_id = jane}, token));
    commit(writer);
  }
  Writer writer = begin();
  REQUIRE_FALSE(writer.remove(*find_kind("actor"), jane));
  commit(writer);
  CHECK(store.find(*find_kind("group"), staff)->at("members").empty());
  CHECK(find_token(store, token.text.reveal())->has_value() == false);
}

TEST_CASE_METHOD(GivenObjects, "writes that make no sense are refused by name and place") {
  struct Row {
    const char* what;
    const char* kind;
    Json members;
    Code code;
    const char* pointer;
  };
  const Json good{{"name", "Lab"}, {"site_id", site}, {"type", "cidr"}, {"address", "10.0.0.0/8"}};
  const auto with = [&good](const char* member, Json value) {
    Json out = good;
    out[member] = std::move(value);
    return out;
  };
  const std::vector<Row> rows{
      {"an unknown member", "resource", with("adress", "x"), Code::kUnknownMember, "/adress"},
      {"a wrong type", "resource", with("name", 7), Code::kInvalid, "/name"},
      {"two lines", "resource", with("name", "a\nb"), Code::kInvalid, "/name"},
      {"a long name", "resource", with("name", std::string(256, 'x')), Code::kInvalid, "/name"},
      {"no choice", "resource", with("type", "ftp"), Code::kInvalid, "/type"},
      {"host bits", "resource", with("address", "10.0.0.1/8"), Code::kInvalid, "/address"},
      {"the tunnel's own", "resource", with("address", "100.80.0.0/16"), Code::kInvalid,
       "/address"},
      {"around the tunnel", "resource", with("address", "0.0.0.0/0"), Code::kInvalid, "/address"},
      {"a bad filter", "resource", with("filters", {"icmp", "tcp/70000"}), Code::kInvalid,
       "/filters/1"},
      {"no such site", "resource", with("site_id", "nowhere"), Code::kNotFound, "/site_id"},
      {"a name twice", "resource", with("name", "Wiki"), Code::kConflict, "/name"},
      {"nothing", "resource", Json::object(), Code::kMissing, ""},
      {"no such member",
       "group",
       {{"name", "X"}, {"members", {"ghost"}}},
       Code::kNotFound,
       "/members/0"},
      {"a second everyone",
       "group",
       {{"name", "All"}, {"type", "everyone"}},
       Code::kConflict,
       "/type"},
      {"a pair twice", "policy", {{"group_id", staff}, {"resource_id", wiki}}, Code::kConflict, ""},
      {"a bad condition",
       "policy",
       {{"group_id", everyone},
        {"resource_id", wiki},
        {"conditions", {{"remote_ip", {{"in", {"10.0.0.0/8", "ten"}}}}}}},
       Code::kInvalid,
       "/conditions/remote_ip/in/1"},
      {"an unknown zone",
       "policy",
       {{"group_id", everyone},
        {"resource_id", wiki},
        {"conditions", {{"current_utc_datetime", {"M/true/Mars/Olympus"}}}}},
       Code::kInvalid,
       "/conditions/current_utc_datetime/0"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Writer writer = begin();
    std::string id;
    const Refusal refusal = writer.create(*find_kind(row.kind), row.members, id);
    REQUIRE(refusal);
    CHECK(code_name(refusal->code) == std::string(code_name(row.code)));
    CHECK(refusal->pointer == row.pointer);
    CHECK_FALSE(refusal->message.empty());
  }
}

TEST_CASE_METHOD(GivenObjects, "nobody can lock all administrators out") {
  const auto disable = [](Writer& writer, const std::string& id) {
    return writer.update(*find_kind("actor"), id, {{"disabled", true}});
  };
  const auto remove = [](Writer& writer, const std::string& id) {
    return writer.remove(*find_kind("actor"), id);
  };
  const bool by_removal = GENERATE(false, true);
  Writer writer = begin();
  const Refusal first = by_removal ? remove(writer, admin) : disable(writer, admin);
  REQUIRE_FALSE(first);
  const Refusal refusal = writer.commit();
  REQUIRE(refusal);
  CHECK(refusal->code == Code::kProtected);
}

TEST_CASE_METHOD(GivenObjects, "the log has every write with before, after and author") {
  Writer writer = begin();
  REQUIRE_FALSE(writer.update(*find_kind("resource"), wiki, {{"address", "wiki2.test"}}));
  REQUIRE_FALSE(writer.update(*find_kind("resource"), wiki, {{"address", "wiki2.test"}}));
  commit(writer);
  const Rows rows = store.database().query(
      "SELECT by, action, kind, name, before, after FROM changes WHERE object_id = ?1 ORDER BY "
      "number",
      {wiki});
  REQUIRE(rows.size() == 2);  // The second update changed nothing.
  CHECK(rows[1].text(0) == "test");
  CHECK(rows[1].text(1) == "updated");
  CHECK(Json::parse(rows[1].text(4)).at("address") == "wiki.test");
  CHECK(Json::parse(rows[1].text(5)).at("address") == "wiki2.test");
}

TEST_CASE_METHOD(GivenObjects, "the rules of the store decide as they were written") {
  {
    Writer writer = begin();
    REQUIRE_FALSE(writer.update(
        *find_kind("policy"), policy,
        {{"description", "Office hours"},
         {"conditions", {{"current_utc_datetime", {"T/08:00-17:00/Europe/Berlin"}}}}}));
    commit(writer);
  }
  const auto rules = load_rules(store, now);
  REQUIRE(rules.ok());
  const policy::Subject subject{.actor = policy::ActorId(jane)};
  const auto at = [&](const char* time) {
    absl::Time when;
    REQUIRE(absl::ParseTime(absl::RFC3339_full, time, &when, nullptr));
    return policy::decide(rules->directory, subject, ResourceId(wiki), when, rules->zones);
  };
  // 08:00 in Berlin is 06:00 UTC in summer and 07:00 in winter.
  CHECK_FALSE(at("2026-09-22T05:59:59Z").is_allowed());
  CHECK(at("2026-09-22T06:00:00Z").is_allowed());
  CHECK_FALSE(at("2026-11-24T06:59:59Z").is_allowed());
  CHECK(at("2026-11-24T07:00:00Z").is_allowed());
  CHECK(at("2026-11-24T05:00:00Z").explanation.find("Office hours") != std::string::npos);
}

TEST_CASE("a store is for its owner's eyes, and no other file is touched") {
  const TemporaryFolder folder;
  const absl::Time now = absl::FromUnixSeconds(1'790'000'000);
  const std::string path = folder.file("portal.db");
  REQUIRE(Store::create(path, now).ok());
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  CHECK(absl::IsAlreadyExists(Store::create(path, now).status()));
  CHECK(absl::IsNotFound(Store::open(folder.file("none.db"), now).status()));
  CHECK(absl::IsFailedPrecondition(Store::open(path, now).status()));  // init did not end.
  const std::string other = folder.file("other.db");
  auto database = Database::open(other, Database::Mode::kCreate);
  REQUIRE(database.ok());
  database->script("CREATE TABLE mine (x)");
  const auto refused = Store::open(other, now);
  CHECK(absl::IsFailedPrecondition(refused.status()));
  CHECK(refused.status().message().find(other) != absl::string_view::npos);
  CHECK(database->number("SELECT count(*) FROM sqlite_schema") == 1);
  std::ofstream(folder.file("text.db")) << "this is no database at all, it is only some text";
  CHECK_FALSE(Store::open(folder.file("text.db"), now).ok());
}

TEST_CASE_METHOD(GivenObjects, "a newer schema copies the store before it changes it") {
  std::vector<const char*> steps(migrations().begin(), migrations().end());
  SECTION("and does all steps") {
    steps.push_back("ALTER TABLE sites ADD COLUMN motto TEXT");
    const auto migrated = migrate(store.database(), steps, now);
    REQUIRE(migrated.ok());
    CHECK(migrated->from == 2);
    CHECK(migrated->to == 3);
    REQUIRE(migrated->backup);
    auto copy = Store::open(*migrated->backup, now);
    REQUIRE(copy.ok());
    CHECK(copy->find_named(*find_kind("site"), "HQ"));
    CHECK(store.database().number("SELECT count(motto) FROM sites") == 0);
    CHECK(store.database().status().ok());
    // And an older program keeps its hands off.
    const auto refused = Store::open(folder.file("portal.db"), now);
    CHECK(absl::IsFailedPrecondition(refused.status()));
    CHECK(refused.status().message().find("3") != absl::string_view::npos);
  }
  SECTION("and none when one fails") {
    steps.push_back("ALTER TABLE sites ADD COLUMN motto TEXT");
    steps.push_back("ALTER TABLE nothing ADD COLUMN motto TEXT");
    CHECK_FALSE(migrate(store.database(), steps, now).ok());
    CHECK(store.database().take_status().ok());
    CHECK(store.database().number("PRAGMA user_version") == 2);
    store.database().run("SELECT motto FROM sites");
    CHECK_FALSE(store.database().take_status().ok());
  }
}

TEST_CASE_METHOD(GivenObjects, "a token opens what it is for, and only its own text does") {
  const TokenType type = GENERATE(TokenType::kClient, TokenType::kGateway, TokenType::kRelay);
  NewToken token;
  {
    Writer writer = begin();
    TokenRequest request{.type = type, .name = "first"};
    if (type == TokenType::kClient) request.actor_id = jane;
    if (type == TokenType::kGateway) request.site_id = site;
    REQUIRE_FALSE(create_token(writer, request, token));
    commit(writer);
  }
  const std::string text(token.text.reveal());
  CAPTURE(name(type));
  const auto found = find_token(store, text);
  REQUIRE(found.ok());
  REQUIRE(found->has_value());
  CHECK((*found)->id == token.row.id);
  CHECK((*found)->type == type);
  CHECK((*found)->expires_at.has_value() == (type == TokenType::kClient));
  for (size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    CAPTURE(i);
    CHECK_FALSE(find_token(store, other)->has_value());
  }
  for (const std::string& other : {std::string(), text + "a", text.substr(1), std::string("clp_"),
                                   std::string(100'000, '_')}) {
    CHECK_FALSE(find_token(store, other)->has_value());
  }
  Writer writer = begin();
  REQUIRE_FALSE(revoke_token(writer, token.row.id));
  commit(writer);
  CHECK_FALSE(find_token(store, text)->has_value());
}

TEST_CASE_METHOD(GivenObjects, "tokens are refused to those who cannot have them") {
  const auto request = GENERATE_COPY(
      TokenRequest{.type = TokenType::kClient, .name = "of nobody"},
      TokenRequest{.type = TokenType::kRelay, .name = "of somebody", .actor_id = jane},
      TokenRequest{.type = TokenType::kGateway, .name = "nowhere", .site_id = "none"},
      TokenRequest{.type = TokenType::kServiceAccount, .name = "a person", .actor_id = jane},
      TokenRequest{.type = TokenType::kApi, .name = "a user", .actor_id = jane},
      TokenRequest{.type = TokenType::kClient,
                   .name = "91 days",
                   .actor_id = jane,
                   .lifetime = absl::Hours(24 * 91)});
  CAPTURE(request.name);
  Writer writer = begin();
  NewToken token;
  CHECK(create_token(writer, request, token));
}

TEST_CASE_METHOD(GivenObjects, "no file of the store has a secret in it") {
  NewToken token;
  const std::string password = "correct horse battery";
  {
    Writer writer = begin();
    REQUIRE_FALSE(
        create_token(writer, {.type = TokenType::kClient, .name = "", .actor_id = jane}, token));
    REQUIRE_FALSE(set_password(writer, jane, password, false));
    commit(writer);
  }
  CHECK(check_password(store, jane, password).value() == PasswordCheck::kRight);
  CHECK(check_password(store, jane, "correct horse batterx").value() == PasswordCheck::kWrong);
  CHECK(check_password(store, admin, password).value() == PasswordCheck::kWrong);
  // Also after it was used and revoked: the WAL keeps old pages.
  CHECK(find_token(store, token.text.reveal())->has_value());
  REQUIRE(store.database().backup(folder.file("copy.db")).ok());
  const std::string text(token.text.reveal());
  const std::string secret = text.substr(text.size() - 43);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    CAPTURE(entry.path());
    CHECK(content.str().find(secret) == std::string::npos);
    CHECK(content.str().find(password) == std::string::npos);
    ++files;
    if (entry.path().filename() == "copy.db") {  // The search finds what is there.
      CHECK(content.str().find("wiki.test") != std::string::npos);
    }
  }
  CHECK(files >= 2);
}

TEST_CASE_METHOD(GivenObjects, "a store that is locked says so instead of hanging or lying") {
  auto other = Database::open(folder.file("portal.db"), Database::Mode::kExisting);
  REQUIRE(other.ok());
  other->script("PRAGMA busy_timeout = 50");
  Transaction held(store.database(), Transaction::Kind::kWrite);
  Transaction waiting(*other, Transaction::Kind::kWrite);
  const absl::Status status = waiting.commit();
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message().find("locked") != absl::string_view::npos);
  REQUIRE(held.commit().ok());
}

}  // namespace
}  // namespace connlib::portald
