#include <cstdio>

#include <fmt/format.h>

#include "shells/portal/command.h"
#include "shells/portal/store/document.h"
#include "shells/portal/store/passwords.h"

namespace connlib::portald {
namespace {

// Everything a new store has. The first refusal ends it.
Refusal fill(Writer& writer, const InitOptions& options, std::string_view password) {
  std::string id;
  if (auto refusal = writer.create(
          account_kind(), {{"name", options.account}, {"slug", options.slug}, {"url", options.url}},
          id)) {
    return refusal;
  }
  if (auto refusal =
          writer.create(*find_kind("group"), {{"name", "Everyone"}, {"type", "everyone"}}, id)) {
    return refusal;
  }
  if (auto refusal = writer.create(*find_kind("site"), {{"name", options.site}}, id)) {
    return refusal;
  }
  if (auto refusal = writer.create(*find_kind("actor"),
                                   {{"name", options.admin}, {"type", "account_admin_user"}}, id)) {
    return refusal;
  }
  if (auto refusal = set_password(writer, id, password, true)) return refusal;
  return writer.commit();
}

constexpr const char* kNext = R"(Made {db} for {url}

  administrator      {admin}
  one-time password  {password}
  It is shown this once, and the first sign-in replaces it.

Next:
  connlib-portal{option} token create gateway --site "{site}"   # for a gateway
  connlib-portal{option} token create relay                     # for a relay
  connlib-portal{option} serve                                  # the API, on 127.0.0.1:8081
  connlib-portal{option} export >portal.toml                    # edit it, and then:
  connlib-portal{option} apply --dry-run portal.toml
)";

}  // namespace

ExitCode run_init(Environment& environment, const std::string& db, const InitOptions& options) {
  // Before there is a file that would be in the way of the next attempt.
  if (const absl::Status url = check_url(options.url); !url.ok()) {
    return environment.fail(ExitCode::kUsage, fmt::format("--url {}", std::string(url.message())));
  }
  auto store = Store::create(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  const SecretText password = new_one_time_password(environment.random);
  Refusal refusal;
  {
    Writer writer(*store, {environment.author, environment.now}, environment.random);
    refusal = fill(writer, options, password.reveal());
  }
  if (refusal) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::remove((db + suffix).c_str());
    return environment.refuse(*refusal);
  }
  environment.out += fmt::format(
      kNext, fmt::arg("db", db), fmt::arg("url", options.url), fmt::arg("admin", options.admin),
      fmt::arg("password", password.reveal()), fmt::arg("site", options.site),
      fmt::arg("option", db == kUsualStore ? "" : fmt::format(" --db {}", db)));
  return ExitCode::kDone;
}

}  // namespace connlib::portald
