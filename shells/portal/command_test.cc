// Each command as an operator meets it: what is typed, what is said, and what scripts get.
#include "shells/portal/command.h"

#include <fstream>
#include <sstream>

#include "shells/portal/store/store_fixture.h"
#include "shells/portal/store/tokens.h"

namespace connlib::portald {
namespace {

struct Said {
  ExitCode code;
  std::string out, err;
  Json json() const { return Json::parse(out); }
};

struct Operator {
  Said run(std::vector<std::string> arguments) {
    Environment environment{.now = now, .random = random, .author = "cli:test"};
    environment.variables["CONNLIB_PORTAL_DB"] = folder.file("portal.db");
    const ExitCode code = portald::run(arguments, environment);
    return {code, environment.out, environment.err};
  }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(folder.file(name)) << text;
    return folder.file(name);
  }
  Said apply(const std::string& text) { return run({"apply", file("portal.toml", text)}); }
  Said must(std::vector<std::string> arguments) {
    Said said = run(std::move(arguments));
    CAPTURE(said.out, said.err);
    REQUIRE(said.code == ExitCode::kDone);
    return said;
  }

  absl::Time now = absl::FromUnixSeconds(1'790'000'000);  // 2026-09-21, a Monday, 14:13 UTC.
  TemporaryFolder folder;
  SeededRandom random{11};
};

struct InitialisedOperator : Operator {
  InitialisedOperator() { must({"init", "--url", "https://portal.example.com"}); }
};

constexpr const char* kOffice = R"([[sites]]
name = "HQ"

[[actors]]
name = "admin"
type = "account_admin_user"
[[actors]]
name = "jane"
email = "jane@example.com"

[[groups]]
name = "Staff"
members = ["jane"]

[[resources]]
name = "Wiki"
site = "HQ"
type = "dns"
address = "wiki.corp.example"
filters = ["tcp/443", "icmp"]

[[policies]]
group = "Staff"
resource = "Wiki"
description = "Office hours"
[policies.conditions]
current_utc_datetime = ["M/08:00-17:30/Europe/Berlin"]
remote_ip = { not_in = ["203.0.113.0/24"] }
)";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE_METHOD(Operator, "init makes a portal and says what to do next, once") {
  const Said said = must({"init", "--url", "https://portal.example.com", "--admin", "root"});
  CHECK(has(said.out, "administrator      root"));
  CHECK(has(said.out, "one-time password  "));
  CHECK(has(said.out, "token create gateway --site \"Default\""));
  const Said again = run({"init", "--url", "https://portal.example.com"});
  CHECK(again.code == ExitCode::kNoStore);
  CHECK(has(again.err, "portal.db exists already"));
}

TEST_CASE_METHOD(Operator, "an init that is refused leaves nothing in the way of the next") {
  const auto wrong = GENERATE(std::vector<std::string>{"--url", "ftp://portal"},
                              std::vector<std::string>{"--url", "https://p", "--slug", "A B"},
                              std::vector<std::string>{"--url", "https://p", "--admin", ""});
  std::vector<std::string> arguments{"init"};
  arguments.insert(arguments.end(), wrong.begin(), wrong.end());
  const Said said = run(arguments);
  CHECK(said.code == ExitCode::kUsage);
  CHECK_FALSE(said.err.empty());
  CHECK(std::filesystem::is_empty(folder.path()));
  must({"init", "--url", "https://portal.example.com"});
}

TEST_CASE_METHOD(Operator, "without a store every command says how to make one") {
  const auto command = GENERATE(
      std::vector<std::string>{"status"}, std::vector<std::string>{"export"},
      std::vector<std::string>{"token", "list"}, std::vector<std::string>{"check", "a", "b"},
      std::vector<std::string>{"token", "create", "relay"},
      std::vector<std::string>{"backup", "/nowhere/copy"});
  const Said said = run(command);
  CHECK(said.code == ExitCode::kNoStore);
  CHECK(has(said.err, "portal.db does not exist"));
  CHECK(has(said.err, "init --url"));
}

TEST_CASE_METHOD(InitialisedOperator,
                 "apply tells the difference, does it, and then has nothing to do") {
  const std::string file = this->file("portal.toml", kOffice);
  const Said dry = must({"apply", "--dry-run", file});
  CHECK(has(dry.out, "dry run: nothing was written"));
  CHECK(has(must({"export"}).out, "name = \"Default\""));
  const Said said = must({"apply", file});
  CHECK(said.out + "dry run: nothing was written\n" == dry.out);
  CHECK(said.out == R"(+ site "HQ"
+ actor "jane"
    email: "jane@example.com"
+ group "Staff"
    members: ["jane"]
+ resource "Wiki"
    address: "wiki.corp.example"
    filters: ["tcp/443", "icmp"]
+ policy "Staff -> Wiki"
    description: "Office hours"
    conditions: { current_utc_datetime = ["M/08:00-17:30/Europe/Berlin"], remote_ip = { not_in = ["203.0.113.0/24"] } }
- site "Default"
5 added, 0 changed, 1 removed
)");
  CHECK(must({"apply", file}).out == "nothing to change\n");
}

TEST_CASE_METHOD(InitialisedOperator,
                 "a change is told member by member, and what is left out is as it was first") {
  REQUIRE(apply(kOffice).code == ExitCode::kDone);
  const Said said = apply(R"([[actors]]
name = "admin"
type = "account_admin_user"
[[actors]]
name = "jane"
disabled = true
)");
  CHECK(said.out == R"(~ actor "jane"
    email: "jane@example.com" -> none
    disabled: false -> true
0 added, 1 changed, 0 removed
)");
}

TEST_CASE_METHOD(InitialisedOperator, "an export is the same portal elsewhere") {
  REQUIRE(apply(kOffice).code == ExitCode::kDone);
  const std::string text = must({"export"}).out;
  CHECK(must({"apply", file("same.toml", text)}).out == "nothing to change\n");
  Operator other;
  other.must({"init", "--url", "https://elsewhere.example.com"});
  REQUIRE(other.apply(text).code == ExitCode::kDone);
  CHECK(other.must({"export"}).out == text);
}

TEST_CASE_METHOD(InitialisedOperator,
                 "a bad file is refused with its line and key, and nothing is done") {
  const auto [what, text, where,
              why] = GENERATE(table<const char*, const char*, const char*, const char*>({
      {"no TOML", "[[sites]]\nname = \n", ":2: ", ""},
      {"an unknown key", "[[sites]]\nname = \"HQ\"\nnmae = \"x\"\n",
       ":3: sites/0/nmae: ", "a site has no \"nmae\""},
      {"an unknown section", "\n[[site]]\nname = \"HQ\"\n", ":2: site: ", "no section \"site\""},
      {"a wrong type", "[[sites]]\nname = \"HQ\"\nhealth_threshold = \"two\"\n",
       ":3: sites/0/health_threshold: ", "not a whole number"},
      {"a date", "[[sites]]\nname = 2026-01-01\n", ":2: sites/0/name: ", "wanted"},
      {"an unknown site", "[[resources]]\nname = \"A\"\ntype = \"internet\"\nsite = \"X\"\n",
       ":4: resources/0/site: ", "no site \"X\""},
      {"an id", "[[resources]]\nsite_id = \"A\"\n", ":2: resources/0/site_id: ", "has no"},
      {"a site that the file removes",
       "[[sites]]\nname = \"HQ\"\n[[resources]]\nname = \"A\"\ntype = \"internet\"\n"
       "site = \"Default\"\n",
       ":6: resources/0/site: ", "which removes it"},
      {"a bad address",
       "[[resources]]\nname = \"A\"\ntype = \"cidr\"\nsite = \"Default\"\n"
       "address = \"10.0.0.1/8\"\n",
       ":5: resources/0/address: ", "10.0.0.1/8"},
      {"the same twice", "[[groups]]\nname = \"A\"\n[[groups]]\nname = \"A\"\n",
       ":3: groups/1: ", "twice"},
      {"a list in a list of names", "[[groups]]\nname = \"A\"\nmembers = [[\"a\"]]\n",
       ":3: groups/0/members/0: ", "not a name"},
      {"a table for a list", "[sites]\nname = \"HQ\"\n", ":1: sites: ", "[[sites]]"},
  }));
  CAPTURE(what);
  const Said said = apply(text);
  CHECK(said.code == ExitCode::kUsage);
  CAPTURE(said.err);
  CHECK(has(said.err, "portal.toml" + std::string(where)));
  CHECK(has(said.err, why));
  CHECK(said.out.empty());
  CHECK(must({"status", "--json"}).json().at("counts").at("sites") == 1);
  CHECK(has(must({"export"}).out, "name = \"Default\""));
}

TEST_CASE_METHOD(InitialisedOperator, "no file can remove the last administrator") {
  const auto dry = GENERATE(false, true);
  std::vector<std::string> arguments{"apply", file("portal.toml", "actors = []\n")};
  if (dry) arguments.emplace_back("--dry-run");
  const Said said = run(arguments);
  CHECK(said.code == ExitCode::kUsage);
  CHECK(has(said.err, "account_admin_user"));
  CHECK(has(must({"export"}).out, "name = \"admin\""));
}

TEST_CASE_METHOD(InitialisedOperator, "check says who may reach what, when, and why") {
  REQUIRE(apply(kOffice).code == ExitCode::kDone);
  const std::vector<std::string> ask{"check", "jane", "Wiki", "--from", "192.0.2.1"};
  const auto at = [&](const char* time) {
    std::vector<std::string> arguments = ask;
    arguments.insert(arguments.end(), {"--at", time});
    return run(arguments);
  };
  const Said open = at("2026-09-21T08:00:00Z");
  CHECK(open.code == ExitCode::kDone);
  CHECK(has(open.out, "allowed by policy \"Office hours\" through group \"Staff\""));
  const Said closed = at("2026-09-21T05:00:00Z");
  CHECK(closed.code == ExitCode::kDenied);
  CHECK(has(closed.out, "denied: outside hours until 08:00 Europe/Berlin"));
  const Said stranger = run({"check", "admin", "Wiki"});
  CHECK(stranger.code == ExitCode::kDenied);
  const Said source = run({"check", "jane", "Wiki", "--from", "203.0.113.7", "--json"});
  CHECK(source.code == ExitCode::kDenied);
  CHECK(source.json().at("verdict") == "forbidden");
  CHECK(source.json().at("violated_properties") == Json{"remote_ip"});
  std::vector<std::string> members;
  const Json answer = source.json();
  for (const auto& [name, value] : answer.items()) members.push_back(name);
  CHECK(members == std::vector<std::string>{"schema", "allowed", "verdict", "explanation", "at",
                                            "actor", "resource", "policy_id", "group_id",
                                            "expires_at", "retry_at", "violated_properties"});
}

TEST_CASE_METHOD(InitialisedOperator, "what is not there is named") {
  CHECK(run({"check", "nobody", "Wiki"}).code == ExitCode::kNotFound);
  CHECK(has(run({"check", "nobody", "Wiki"}).err, "no actor \"nobody\""));
  CHECK(has(run({"check", "admin", "Wiki"}).err, "no resource \"Wiki\""));
  CHECK(has(run({"token", "create", "gateway", "--site", "X"}).err, "no site \"X\""));
  CHECK(run({"token", "revoke", "X"}).code == ExitCode::kNotFound);
}

TEST_CASE_METHOD(InitialisedOperator, "wrong arguments are told by name, and exit with 2") {
  const auto [line, said] = GENERATE(table<const char*, const char*>({
      {"", "subcommand is required"},
      {"frobnicate", "frobnicate"},
      {"init", "--url"},
      {"token create door", "door"},
      {"token create relay --expires soon", "soon"},
      {"token create client", "actor"},
      {"token create relay --site Default", "site"},
      {"check admin", "RESOURCE"},
      {"check admin X --from here", "here"},
      {"check admin X --at noon", "noon"},
      {"apply /nowhere/file.toml", "/nowhere/file.toml"},
  }));
  std::vector<std::string> arguments;
  std::istringstream words(line);
  for (std::string word; words >> word;) arguments.push_back(word);
  const Said answer = run(arguments);
  CAPTURE(said, answer.err);
  CHECK(answer.code == ExitCode::kUsage);
  CHECK(has(answer.err, said));
}

TEST_CASE_METHOD(InitialisedOperator,
                 "a token is shown once, listed without its secret, and revoked") {
  const Said made = must({"token", "create", "gateway", "--site", "Default", "--name", "rack 7"});
  const std::string token = made.out.substr(0, made.out.size() - 1);
  CHECK(token.substr(0, 12) == "clp_gateway_");
  CHECK_FALSE(has(made.err, token));
  const Said list = must({"token", "list"});
  CHECK(has(list.out, "rack 7"));
  CHECK_FALSE(has(list.out, token.substr(token.size() - 43)));
  const Json json = must({"token", "list", "--json"}).json();
  const auto id = json.at("tokens").at(0).at("id").get<std::string>();
  CHECK(has(made.err, id));
  must({"token", "revoke", id});
  CHECK(must({"token", "list"}).out.empty());
}

TEST_CASE_METHOD(InitialisedOperator,
                 "a script gets the token and what there is to know in one object") {
  const Json json =
      must({"token", "create", "api", "--actor", "admin", "--expires", "30d", "--json"}).json();
  CHECK(json.at("schema") == 1);
  CHECK(json.at("expires_at") == "2026-10-21T14:13:20Z");
  CHECK(json.at("token").get<std::string>().substr(0, 8) == "clp_api_");
}

TEST_CASE_METHOD(InitialisedOperator, "status counts, and names the last change and its author") {
  must({"token", "create", "relay"});
  const Said said = must({"status"});
  CHECK(has(said.out, "tokens        1"));
  CHECK(has(said.out, "last change   2026-09-21T14:13:20Z cli:test created token \"relay\""));
  CHECK(must({"status", "--json"}).json().at("schema_version") == 2);
}

TEST_CASE_METHOD(InitialisedOperator, "a backup is a portal of its own, and overwrites nothing") {
  REQUIRE(apply(kOffice).code == ExitCode::kDone);
  const std::string copy = folder.file("copy.db");
  must({"backup", copy});
  CHECK(must({"--db", copy, "export"}).out == must({"export"}).out);
  CHECK(must({"export", "--db", "sqlite:" + copy}).out == must({"export"}).out);
  const Said again = run({"backup", copy});
  CHECK(again.code == ExitCode::kNoStore);
  CHECK(has(again.err, "exists already"));
}

TEST_CASE_METHOD(InitialisedOperator,
                 "planted secrets are in no file, list, status, export or error") {
  const std::string made = must({"token", "create", "client", "--actor", "admin"}).out;
  const std::string secret = made.substr(made.size() - 44, 43);
  std::string said;
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"status"}, {"status", "--json"}, {"export"}, {"token", "list", "--json"}}) {
    said += must(command).out;
  }
  said += run({"token", "revoke", "clp_client_" + secret}).out;
  must({"backup", folder.file("copy.db")});
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::stringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    said += content.str();
    ++files;
  }
  CHECK(files >= 2);
  CHECK_FALSE(has(said, secret));
  CHECK(has(said, "admin"));
}

TEST_CASE_METHOD(Operator, "--help is a manual, also without a store") {
  const Said said = must({"--help"});
  for (const char* part : {"FIRST STEPS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"}) {
    CHECK(has(said.out, part));
  }
  CHECK(has(must({"apply", "--help"}).out, "[[policies]]"));
  CHECK(has(must({"token", "create", "--help"}).out, "shown once"));
}

}  // namespace
}  // namespace connlib::portald
