#include <filesystem>

#include <fmt/format.h>

#include "shells/portal/command.h"

namespace connlib::portald {
namespace {

Json status_json(Store& store, absl::Time now) {
  Database& database = store.database();
  Json out{{"schema", 1}, {"version", CONNLIB_VERSION}, {"store", database.path()}};
  out["schema_version"] = store.migrated().to;
  const Json account = store.account();
  out["account"] = {{"name", account.at("name")}, {"slug", account.at("slug")}};
  out["url"] = account.at("url");
  Json counts = Json::object();
  for (const Kind& kind : kinds()) {
    counts[kind.plural] = database.number(fmt::format("SELECT count(*) FROM {}", kind.plural));
  }
  counts["clients"] = database.number("SELECT count(*) FROM devices WHERE actor_id IS NOT NULL");
  counts["gateways"] = database.number("SELECT count(*) FROM devices WHERE site_id IS NOT NULL");
  counts["tokens"] = database.number("SELECT count(*) FROM tokens");
  counts["grants"] =
      database.number("SELECT count(*) FROM grants WHERE expires_at IS NULL OR expires_at > ?1",
                      {int64_t{absl::ToUnixSeconds(now)}});
  out["counts"] = std::move(counts);
  const Rows last =
      database.query("SELECT at, by, action, kind, name FROM changes ORDER BY number DESC LIMIT 1");
  out["last_change"] = nullptr;
  if (!last.empty()) {
    out["last_change"] = {{"at", time_text(absl::FromUnixSeconds(last[0].integer(0)))},
                          {"by", last[0].text(1)},
                          {"action", last[0].text(2)},
                          {"kind", last[0].text(3)},
                          {"name", last[0].text(4)}};
  }
  return out;
}

std::string readable(const Json& status) {
  std::string out = fmt::format("store         {} (schema {})\n", status.value("store", ""),
                                status.at("schema_version").get<int64_t>());
  out += fmt::format("account       {} ({})\nurl           {}\n",
                     status.at("account").value("name", ""), status.at("account").value("slug", ""),
                     status.value("url", ""));
  for (const auto& [kind, count] : status.at("counts").items()) {
    out += fmt::format("{:<13} {}\n", kind, count.get<int64_t>());
  }
  const Json& last = status.at("last_change");
  if (!last.is_null()) {
    out += fmt::format("last change   {} {} {} {} \"{}\"\n", last.value("at", ""),
                       last.value("by", ""), last.value("action", ""), last.value("kind", ""),
                       last.value("name", ""));
  }
  return out;
}

}  // namespace

ExitCode run_status(Environment& environment, const std::string& db, bool is_json) {
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  Transaction transaction(store->database(), Transaction::Kind::kRead);
  const Json status = status_json(*store, environment.now);
  if (absl::Status failed = transaction.commit(); !failed.ok()) return environment.fail(failed);
  environment.out += is_json ? status.dump(2) + "\n" : readable(status);
  return ExitCode::kDone;
}

ExitCode run_backup(Environment& environment, const std::string& db, const std::string& file) {
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  if (absl::Status status = store->database().backup(file); !status.ok()) {
    return environment.fail(status);
  }
  environment.out += fmt::format("{} is a copy of {}\n", file, db);
  return ExitCode::kDone;
}

}  // namespace connlib::portald
