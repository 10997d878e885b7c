#include "shells/portal/store/migrations.h"

#include <array>

#include <fmt/format.h>

namespace connlib::portald {
namespace {

constexpr int64_t kApplicationId = 0x434c5054;  // "CLPT" in the header of the file.

// Lists and objects are JSON text. Times are Unix seconds. STRICT keeps types what they say.
constexpr const char* kObjects = R"(
CREATE TABLE accounts (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, slug TEXT NOT NULL, url TEXT NOT NULL,
  search_domain TEXT, upstream_do53 TEXT NOT NULL, upstream_doh TEXT NOT NULL) STRICT;
CREATE TABLE sites (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, health_threshold INTEGER NOT NULL) STRICT;
CREATE TABLE actors (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT, type TEXT NOT NULL,
  disabled INTEGER NOT NULL) STRICT;
CREATE TABLE groups (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL) STRICT;
CREATE TABLE memberships (
  group_id TEXT NOT NULL REFERENCES groups ON DELETE CASCADE,
  actor_id TEXT NOT NULL REFERENCES actors ON DELETE CASCADE,
  PRIMARY KEY (group_id, actor_id)) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of_actor ON memberships (actor_id);
CREATE TABLE resources (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, site_id TEXT NOT NULL REFERENCES sites,
  type TEXT NOT NULL, address TEXT, address_description TEXT, ip_stack TEXT NOT NULL,
  filters TEXT NOT NULL) STRICT;
CREATE INDEX resources_of_site ON resources (site_id);
CREATE TABLE policies (
  id TEXT PRIMARY KEY, group_id TEXT NOT NULL REFERENCES groups,
  resource_id TEXT NOT NULL REFERENCES resources, description TEXT, conditions TEXT NOT NULL,
  disabled INTEGER NOT NULL, log_flows INTEGER NOT NULL, UNIQUE (group_id, resource_id)) STRICT;
CREATE INDEX policies_of_resource ON policies (resource_id);
CREATE TABLE changes (
  number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, by TEXT NOT NULL,
  action TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, name TEXT NOT NULL,
  before TEXT, after TEXT) STRICT;
)";

// Of tokens and passwords only salted hashes are here.
constexpr const char* kIdentities = R"(
CREATE TABLE passwords (
  actor_id TEXT PRIMARY KEY REFERENCES actors ON DELETE CASCADE, salt BLOB NOT NULL,
  hash BLOB NOT NULL, one_time INTEGER NOT NULL) STRICT;
CREATE TABLE devices (
  id TEXT PRIMARY KEY, actor_id TEXT REFERENCES actors ON DELETE CASCADE,
  site_id TEXT REFERENCES sites ON DELETE CASCADE, external_id TEXT NOT NULL, name TEXT NOT NULL,
  ipv4 TEXT NOT NULL UNIQUE, ipv6 TEXT NOT NULL UNIQUE, psk_base BLOB NOT NULL,
  verified INTEGER NOT NULL, hardware TEXT NOT NULL, user_agent TEXT, last_seen_at INTEGER,
  last_seen_from TEXT, CHECK ((actor_id IS NULL) <> (site_id IS NULL))) STRICT;
CREATE UNIQUE INDEX clients_of_actor ON devices (actor_id, external_id) WHERE actor_id IS NOT NULL;
CREATE UNIQUE INDEX gateways_of_site ON devices (site_id, external_id) WHERE site_id IS NOT NULL;
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL,
  actor_id TEXT REFERENCES actors ON DELETE CASCADE, site_id TEXT REFERENCES sites ON DELETE CASCADE,
  gateway_id TEXT REFERENCES devices ON DELETE CASCADE, salt BLOB NOT NULL, hash BLOB NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER, last_used_by TEXT) STRICT;
CREATE TABLE grants (
  client_id TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  resource_id TEXT NOT NULL REFERENCES resources ON DELETE CASCADE,
  gateway_id TEXT NOT NULL REFERENCES devices ON DELETE CASCADE,
  policy_id TEXT NOT NULL REFERENCES policies ON DELETE CASCADE,
  token_id TEXT NOT NULL REFERENCES tokens ON DELETE CASCADE, id TEXT NOT NULL,
  expires_at INTEGER, source TEXT NOT NULL, region TEXT, provider TEXT, session_ends_at INTEGER,
  route TEXT NOT NULL, PRIMARY KEY (client_id, resource_id, gateway_id)) STRICT, WITHOUT ROWID;
CREATE INDEX grants_of_gateway ON grants (gateway_id);
CREATE INDEX grants_of_resource ON grants (resource_id);
CREATE INDEX grants_of_policy ON grants (policy_id);
CREATE INDEX grants_of_token ON grants (token_id);
CREATE INDEX tokens_of_actor ON tokens (actor_id);
CREATE INDEX tokens_of_site ON tokens (site_id);
)";

constexpr std::array kSteps{kObjects, kIdentities};

}  // namespace

std::span<const char* const> migrations() { return kSteps; }

absl::StatusOr<Migrated> migrate(Database& database, std::span<const char* const> steps,
                                 absl::Time now) {
  const int64_t from = database.number("PRAGMA user_version");
  const int64_t application = database.number("PRAGMA application_id");
  const int64_t tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (absl::Status status = database.take_status(); !status.ok()) return status;
  if (application != kApplicationId && (tables != 0 || from != 0)) {
    return absl::FailedPreconditionError(
        fmt::format("{} is not a store of connlib-portal", database.path()));
  }
  Migrated out{.from = from, .to = static_cast<int64_t>(steps.size()), .backup = std::nullopt};
  if (from > out.to) {
    return absl::FailedPreconditionError(
        fmt::format("{} has schema version {}, this program knows {}: a newer one wrote it",
                    database.path(), from, out.to));
  }
  if (from == out.to) return out;
  if (from > 0) {
    const std::string day = absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone());
    out.backup = fmt::format("{}.before-version-{}-{}", database.path(), out.to, day);
    if (absl::Status status = database.backup(*out.backup); !status.ok()) return status;
  }
  Transaction transaction(database, Transaction::Kind::kWrite);
  // Somebody else may have done it while we waited for the lock.
  const int64_t locked_from = database.number("PRAGMA user_version");
  for (int64_t at = locked_from; at < out.to; ++at) {
    database.script(steps[static_cast<size_t>(at)]);
  }
  database.run(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database.run(fmt::format("PRAGMA user_version = {}", out.to));
  if (absl::Status status = transaction.commit(); !status.ok()) return status;
  return out;
}

}  // namespace connlib::portald
