#include <algorithm>
#include <functional>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "shells/portal/command.h"
#include "shells/portal/manual.h"

namespace connlib::portald {
namespace {

// CommandLine is what may be written behind the program's name.
class CommandLine {
 public:
  explicit CommandLine(Environment& environment) : environment_(environment) {
    app_.set_version_flag("--version", "connlib-portal " CONNLIB_VERSION);
    app_.footer(kManual);
    app_.require_subcommand(0, 1);  // At least one is asked for below: CLI11 would not name others.
    app_.add_option("--db", db_, fmt::format("The store, PATH or sqlite:PATH [{}]", kUsualStore))
        ->type_name("PATH");
    if (const auto found = environment.variables.find("CONNLIB_PORTAL_DB");
        found != environment.variables.end() && !found->second.empty()) {
      db_ = found->second;
    }
    add_init();
    add_declaration();
    add_token();
    add_check();
    add_serve();
    add_rest();
  }

  ExitCode run(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // As CLI11 wants them.
    try {
      app_.parse(arguments);
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const int code = app_.exit(error, out, err);
      environment_.out += out.str();
      environment_.err += err.str();
      return code == 0 ? ExitCode::kDone : ExitCode::kUsage;
    }
    const std::string_view scheme = "sqlite:";
    if (db_.compare(0, scheme.size(), scheme) == 0) db_.erase(0, scheme.size());
    if (!action_) {
      return environment_.fail(ExitCode::kUsage, "a subcommand is required; --help lists them");
    }
    return action_();
  }

 private:
  using Action = std::function<ExitCode()>;
  CLI::App* add(CLI::App& parent, const char* name, const char* help, const char* manual,
                Action action) {
    CLI::App* out = parent.add_subcommand(name, help);
    out->fallthrough();  // --db may stand behind the command, too.
    out->footer(manual);
    out->callback([this, action = std::move(action)] { action_ = action; });
    return out;
  }

  void add_init() {
    CLI::App* init = add(app_, "init", "Make a store, with an administrator and a site", "",
                         [this] { return run_init(environment_, db_, init_); });
    init->add_option("--url", init_.url, "Where clients, gateways and relays reach the portal")
        ->required();
    init->add_option("--account", init_.account, "Name of the account [My organisation]");
    init->add_option("--slug", init_.slug, "Its name in links: a-z, 0-9 and _ [main]");
    init->add_option("--admin", init_.admin, "Name of the administrator [admin]");
    init->add_option("--site", init_.site, "Name of the first site [Default]");
  }

  void add_declaration() {
    CLI::App* apply = add(app_, "apply", "Make it as a file says, and tell what changed",
                          kApplyManual, [this] { return run_apply(environment_, db_, apply_); });
    apply->add_option("FILE", apply_.file, "What there shall be")->required();
    apply->add_flag("--dry-run", apply_.is_dry_run, "Tell only");
    add(app_, "export", "Print what there is, as apply reads it", "",
        [this] { return run_export(environment_, db_); });
  }

  void add_token() {
    CLI::App* token = app_.add_subcommand("token", "Make, list and revoke tokens");
    token->require_subcommand(1);
    token->fallthrough();
    CLI::App* create = add(*token, "create", "Make a token and show it this once", kTokenManual,
                           [this] { return run_token_create(environment_, db_, token_); });
    create->add_option("TYPE", token_.type, "client, service-account, gateway, relay or api")
        ->required()
        ->check(CLI::IsMember({"client", "service-account", "gateway", "relay", "api"}));
    create->add_option("--actor", token_.actor, "Whose it is, by name or id");
    create->add_option("--site", token_.site, "Of a gateway, by name or id");
    create->add_option("--name", token_.name, "To know it again");
    create->add_option("--expires", token_.expires, "Such as 12h or 30d");
    create->add_flag("--json", token_.is_json, "For scripts; \"schema\" is 1");
    CLI::App* list = add(*token, "list", "All tokens, without their secrets", "",
                         [this] { return run_token_list(environment_, db_, is_json_); });
    list->add_flag("--json", is_json_, "For scripts; \"schema\" is 1");
    CLI::App* revoke = add(*token, "revoke", "End a token and all that it granted", "",
                           [this] { return run_token_revoke(environment_, db_, id_); });
    revoke->add_option("ID", id_, "As list shows it")->required();
  }

  void add_check() {
    CLI::App* check = add(app_, "check", "May ACTOR reach RESOURCE now, and why", kCheckManual,
                          [this] { return run_check(environment_, db_, check_); });
    check->add_option("ACTOR", check_.actor, "By name or id")->required();
    check->add_option("RESOURCE", check_.resource, "By name or id")->required();
    check->add_option("--from", check_.from, "The client's address")->type_name("IP");
    check->add_option("--provider", check_.provider, "Who vouched for the user")->type_name("ID");
    check->add_option("--region", check_.region, "Where the client is")->type_name("CODE");
    check->add_flag("--verified", check_.is_verified, "The client is verified");
    check->add_option("--at", check_.at, "At another time, such as 2026-09-21T08:00:00Z")
        ->type_name("TIME");
    check->add_flag("--json", check_.is_json, "For scripts; \"schema\" is 1");
  }

  void add_serve() {
    CLI::App* serve = add(app_, "serve", "Serve the API, until a signal", kServeManual,
                          [this] { return run_serve(environment_, db_, serve_); });
    serve->add_option("--listen", serve_.listen, "Where [127.0.0.1:8081]")->type_name("IP:PORT");
    serve->add_option("--tls-certificate", serve_.certificate, "PEM, with its chain")
        ->type_name("FILE");
    serve->add_option("--tls-key", serve_.key, "PEM")->type_name("FILE");
    serve->add_option("--log", serve_.log, "LEVEL or MODULE=LEVEL, comma-separated [info]")
        ->type_name("FILTER");
  }

  void add_rest() {
    CLI::App* status = add(app_, "status", "What there is, and who changed it last", "",
                           [this] { return run_status(environment_, db_, is_json_); });
    status->add_flag("--json", is_json_, "For scripts; \"schema\" is 1");
    CLI::App* backup = add(app_, "backup", "Copy the store while it is in use", "",
                           [this] { return run_backup(environment_, db_, id_); });
    backup->add_option("FILE", id_, "Must not exist")->required();
  }

  Environment& environment_;
  CLI::App app_{kDescription, "connlib-portal"};
  std::string db_ = kUsualStore;
  Action action_;
  InitOptions init_;
  ApplyOptions apply_;
  TokenCreateOptions token_;
  CheckOptions check_;
  ServeOptions serve_;
  std::string id_;
  bool is_json_ = false;
};

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, Environment& environment) {
  return CommandLine(environment).run(arguments);
}

}  // namespace connlib::portald
