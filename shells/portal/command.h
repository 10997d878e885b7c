#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "shells/portal/exit_code.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// Environment is what a command sees of the machine, and what it says.
struct Environment {
  absl::Time now;
  RandomSource& random;
  std::string author;  // For the log: "cli:" and who runs the program.
  std::map<std::string, std::string> variables{};
  std::string out{};  // For stdout.
  std::string err{};  // For stderr.

  ExitCode fail(ExitCode code, const std::string& message) {
    err += "connlib-portal: " + message + "\n";
    return code;
  }
  ExitCode fail(const absl::Status& status);  // Of the store.
  ExitCode refuse(const Problem& problem);    // Of arguments.
};

inline constexpr const char* kUsualStore = "/var/lib/connlib/portal.db";

struct InitOptions {
  std::string url, account = "My organisation", slug = "main", admin = "admin", site = "Default";
};
struct ApplyOptions {
  std::string file;  // "-" is stdin, given in `text`.
  bool is_dry_run = false;
};
struct TokenCreateOptions {
  std::string type, actor, site, name, expires;
  bool is_json = false;
};
struct CheckOptions {
  std::string actor, resource, from, provider, region, at;
  bool is_verified = false;
  bool is_json = false;
};
struct ServeOptions {
  std::string listen = "127.0.0.1:8081", certificate, key, log = "info";
};

// Each opens the store at `db`, does one thing, and says what became of it.
ExitCode run_init(Environment& environment, const std::string& db, const InitOptions& options);
ExitCode run_apply(Environment& environment, const std::string& db, const ApplyOptions& options);
ExitCode run_export(Environment& environment, const std::string& db);
ExitCode run_token_create(Environment& environment, const std::string& db,
                          const TokenCreateOptions& options);
ExitCode run_token_list(Environment& environment, const std::string& db, bool is_json);
ExitCode run_token_revoke(Environment& environment, const std::string& db, const std::string& id);
ExitCode run_check(Environment& environment, const std::string& db, const CheckOptions& options);
ExitCode run_status(Environment& environment, const std::string& db, bool is_json);
ExitCode run_backup(Environment& environment, const std::string& db, const std::string& file);
// Speaks for itself while it runs, until a signal ends it.
ExitCode run_serve(Environment& environment, const std::string& db, const ServeOptions& options);

// parse_duration() reads 45m, 12h, 30d.
std::optional<absl::Duration> parse_duration(const std::string& text);
std::string time_text(absl::Time time);  // 2026-09-21T14:13:20Z

// run() is the whole program: arguments without the program's name.
ExitCode run(const std::vector<std::string>& arguments, Environment& environment);

}  // namespace connlib::portald
