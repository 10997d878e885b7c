#include "shells/portal/store/database.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace connlib::portald {
namespace {

constexpr int kBusyMilliseconds = 5000;  // Ours: another process writes, such as `apply`.

Value read_column(sqlite3_stmt* statement, int column) {
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return text == nullptr ? std::string() : std::string(text, size);
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const uint8_t*>(sqlite3_column_blob(statement, column));
      return bytes == nullptr ? Bytes() : Bytes(bytes, bytes + size);
    }
    default:
      return nullptr;
  }
}

// An empty file of ours, which SQLite then fills: it would make one that others may read.
absl::Status create_file(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_CLOEXEC | O_RDWR, S_IRUSR | S_IWUSR);
  if (fd < 0 && errno == EEXIST) {
    return absl::AlreadyExistsError(fmt::format("{} exists already", path));
  }
  if (fd < 0) {
    return absl::UnavailableError(
        fmt::format("{} cannot be made: {}", path, std::generic_category().message(errno)));
  }
  close(fd);
  return absl::OkStatus();
}

absl::StatusOr<sqlite3*> open_handle(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code == SQLITE_OK) return handle;
  const std::string why = sqlite3_errstr(code);
  sqlite3_close_v2(handle);
  return absl::UnavailableError(fmt::format("{} cannot be opened: {}", path, why));
}

}  // namespace

bool Row::is_null(size_t column) const {
  return std::holds_alternative<std::nullptr_t>(values_.at(column));
}
int64_t Row::integer(size_t column) const {
  const auto* value = std::get_if<int64_t>(&values_.at(column));
  return value == nullptr ? 0 : *value;
}
std::string Row::text(size_t column) const {
  const auto* value = std::get_if<std::string>(&values_.at(column));
  return value == nullptr ? std::string() : *value;
}
Bytes Row::bytes(size_t column) const {
  const auto* value = std::get_if<Bytes>(&values_.at(column));
  return value == nullptr ? Bytes() : *value;
}
std::optional<std::string> Row::optional_text(size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(text(column));
}
std::optional<absl::Time> Row::optional_time(size_t column) const {
  return is_null(column) ? std::nullopt : std::optional(absl::FromUnixSeconds(integer(column)));
}

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void Database::Close::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

absl::StatusOr<Database> Database::open(const std::string& path, Mode mode) {
  if (mode == Mode::kCreate) {
    if (absl::Status status = create_file(path); !status.ok()) return status;
  } else if (access(path.c_str(), F_OK) != 0) {
    return absl::NotFoundError(fmt::format("{} does not exist", path));
  }
  auto handle = open_handle(path);
  if (!handle.ok()) return handle.status();
  Database out(path, *handle);
  sqlite3_busy_timeout(*handle, kBusyMilliseconds);
  sqlite3_extended_result_codes(*handle, 1);
  // What the file says in its schema is not trusted to call functions with effects.
  out.script(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
      "PRAGMA trusted_schema = OFF;");
  if (absl::Status status = out.take_status(); !status.ok()) return status;
  return out;
}

void Database::fail(std::string_view doing) {
  if (!status_.ok()) return;
  const int code = sqlite3_errcode(handle_.get());
  const std::string text = fmt::format("{}: {} ({})", path_, sqlite3_errmsg(handle_.get()), doing);
  const bool is_constraint = (code & 0xff) == SQLITE_CONSTRAINT;
  status_ = is_constraint ? absl::FailedPreconditionError(text) : absl::UnavailableError(text);
}

sqlite3_stmt* Database::prepare(const std::string& sql) {
  auto& statement = statements_[sql];
  if (statement == nullptr) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &made, nullptr) != SQLITE_OK) {
      fail(sql);
      return nullptr;
    }
    statement.reset(made);
  }
  return statement.get();
}

void Database::bind(sqlite3_stmt* statement, const std::vector<Value>& values) {
  int at = 0;
  for (const Value& value : values) {
    ++at;
    if (const auto* number = std::get_if<int64_t>(&value)) {
      sqlite3_bind_int64(statement, at, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      sqlite3_bind_text64(statement, at, text->data(), text->size(), nullptr, SQLITE_UTF8);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      sqlite3_bind_blob64(statement, at, bytes->data(), bytes->size(), nullptr);
    } else {
      sqlite3_bind_null(statement, at);
    }
  }
}

Rows Database::query(const std::string& sql, const std::vector<Value>& values) {
  Rows out;
  if (!status_.ok()) return out;
  sqlite3_stmt* statement = prepare(sql);
  if (statement == nullptr) return out;
  bind(statement, values);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    std::vector<Value> row;
    const int columns = sqlite3_column_count(statement);
    row.reserve(static_cast<size_t>(columns));
    for (int i = 0; i < columns; ++i) row.push_back(read_column(statement, i));
    out.emplace_back(std::move(row));
  }
  if (code != SQLITE_DONE) {
    fail(sql);
    out.clear();
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);  // They borrow from `values`.
  return out;
}

int64_t Database::number(const std::string& sql, const std::vector<Value>& values) {
  const Rows rows = query(sql, values);
  return rows.empty() ? 0 : rows[0].integer(0);
}

void Database::script(const char* sql) {
  if (!status_.ok()) return;
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

int64_t Database::changed_rows() const { return sqlite3_changes64(handle_.get()); }

absl::Status Database::take_status() { return std::exchange(status_, absl::OkStatus()); }

absl::Status Database::backup(const std::string& path) {
  if (absl::Status status = create_file(path); !status.ok()) return status;
  auto target = open_handle(path);
  if (!target.ok()) return target.status();
  const std::unique_ptr<sqlite3, Close> closed(*target);
  sqlite3_backup* copy = sqlite3_backup_init(*target, "main", handle_.get(), "main");
  int code = copy == nullptr ? SQLITE_ERROR : sqlite3_backup_step(copy, -1);
  if (copy != nullptr) sqlite3_backup_finish(copy);
  if (code == SQLITE_DONE) return absl::OkStatus();
  unlink(path.c_str());
  return absl::UnavailableError(fmt::format("{}: {}", path, sqlite3_errmsg(*target)));
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
  const absl::Status stale = database_.take_status();  // Of reads outside, whoever made them.
  // IMMEDIATE: a writer waits at its beginning, not halfway.
  database_.run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

absl::Status Transaction::commit() {
  if (!is_open_) return absl::FailedPreconditionError("the transaction is over");
  database_.run("COMMIT");
  is_open_ = !database_.status().ok();
  absl::Status out = database_.status();
  return out;
}

Transaction::~Transaction() {
  if (!is_open_) return;
  const absl::Status ignored = database_.take_status();  // Else nothing could be rolled back.
  database_.run("ROLLBACK");
  const absl::Status none = database_.take_status();  // BEGIN itself may have failed.
}

}  // namespace connlib::portald
