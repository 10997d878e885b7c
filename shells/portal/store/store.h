#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "shells/portal/store/database.h"
#include "shells/portal/store/json.h"
#include "shells/portal/store/kinds.h"
#include "shells/portal/store/migrations.h"
#include "shells/portal/store/problem.h"

namespace connlib::portald {

// A UUID of version 4 (RFC 4122 §4.4).
std::string new_id(RandomSource& random);

// Store is what the portal remembers: one account, its objects, identities and grants, and a log of
// every change. Objects are documents with the members of their Kind, and "id".
class Store {
 public:
  // Makes the file, which must not exist.
  static absl::StatusOr<Store> create(const std::string& path, absl::Time now);
  // Opens it and brings its schema up to date; a copy is made first.
  static absl::StatusOr<Store> open(const std::string& path, absl::Time now);

  Database& database() { return database_; }
  const Migrated& migrated() const { return migrated_; }

  // Reads say nothing of failures themselves: ask database().status(), or the transaction.
  std::vector<Json> list(const Kind& kind);
  std::optional<Json> find(const Kind& kind, const std::string& id);
  // By id, or by name in a kind that has names.
  std::optional<Json> find_named(const Kind& kind, const std::string& name_or_id);
  Json account();  // Null before `init` is through.
  // What people call the object: its name, or "GROUP -> RESOURCE".
  std::string label(const Kind& kind, const Json& object);

 private:
  Store(Database database, Migrated migrated)
      : database_(std::move(database)), migrated_(std::move(migrated)) {}
  Json from_row(const Kind& kind, const Row& row);

  Database database_;
  Migrated migrated_;
};

// Change is one entry of the log: what was written, by whom. `before` and `after` are documents, or
// null.
struct Change {
  enum class Action : uint8_t { kCreated, kUpdated, kDeleted };
  Action action = Action::kCreated;
  std::string kind;
  std::string id;
  std::string label;
  Json before{};
  Json after{};
};
const char* name(Change::Action action);

// Who writes, and when: both go into the log.
struct Author {
  std::string name;  // Such as "cli:root" or "token:3fa4…".
  absl::Time now;
};

// Writer is one transaction of changes: all of them, or none. After a refusal nothing more may be
// asked of it. Every write of an object goes through here, and so into the log.
class Writer {
 public:
  Writer(Store& store, Author author, RandomSource& random);

  // create() makes an object of the members given; `id` receives its id.
  Refusal create(const Kind& kind, const Json& members, std::string& id);
  // update() changes the members given and keeps the others. Nothing is logged if none differs.
  Refusal update(const Kind& kind, const std::string& id, const Json& members);
  // remove() takes along whatever refers to the object; each is logged.
  Refusal remove(const Kind& kind, const std::string& id);
  // For what has no Kind: tokens, passwords, devices.
  void log(Change change);

  // In a transaction of changes nobody may be left without an administrator who can sign in.
  Refusal commit();
  Refusal check_commit();  // Whether it could.

  Store& store() { return store_; }
  Database& database() { return store_.database(); }
  const Author& author() const { return author_; }
  RandomSource& random() { return random_; }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  Refusal check(const Kind& kind, const Json& document, const std::string& id);
  Refusal check_reference(const Field& field, const std::string& id, const std::string& pointer);
  void write(const Kind& kind, const std::string& id, const Json& document, bool is_new);
  void remove_dependents(const Kind& kind, const std::string& id);
  void remove_identities(const Kind& kind, const std::string& id);

  Store& store_;
  Author author_;
  RandomSource& random_;
  Transaction transaction_;
  std::vector<Change> changes_;
};

inline constexpr int64_t kMaxChanges = 1'000'000;  // Ours: older ones are forgotten.

}  // namespace connlib::portald
