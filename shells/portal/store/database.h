#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

struct sqlite3;
struct sqlite3_stmt;

namespace connlib::portald {

using Bytes = std::vector<uint8_t>;

// Value is what a column holds: nothing, a number, text, bytes.
using Value = std::variant<std::nullptr_t, int64_t, std::string, Bytes>;
inline Value or_null(std::optional<std::string> text) {
  return text ? Value(*std::move(text)) : Value(nullptr);
}
inline Value or_null(std::optional<absl::Time> time) {
  return time ? Value(int64_t{absl::ToUnixSeconds(*time)}) : Value(nullptr);
}

// Row is one row of an answer. A column of another type reads as empty: tables are STRICT, so that
// only NULL is ever met that way.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  bool is_null(size_t column) const;
  int64_t integer(size_t column) const;
  bool flag(size_t column) const { return integer(column) != 0; }
  std::string text(size_t column) const;
  Bytes bytes(size_t column) const;
  std::optional<std::string> optional_text(size_t column) const;
  std::optional<absl::Time> optional_time(size_t column) const;

 private:
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

// Database is a SQLite file: WAL, foreign keys, every commit on the disk before it is told. It
// fails once and stays failed until the transaction ends: ask Transaction::commit() whether all
// went well.
class Database {
 public:
  enum class Mode : uint8_t { kExisting, kCreate };

  // NotFound when there is no such file, AlreadyExists for kCreate when there is one. A file that
  // it makes is for its owner's eyes only.
  static absl::StatusOr<Database> open(const std::string& path, Mode mode);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  const std::string& path() const { return path_; }

  // `sql` is one statement with ?1, ?2, … for `values`. No rows after a failure.
  Rows query(const std::string& sql, const std::vector<Value>& values = {});
  void run(const std::string& sql, const std::vector<Value>& values = {}) { query(sql, values); }
  // The first column of the first row, or 0.
  int64_t number(const std::string& sql, const std::vector<Value>& values = {});
  // Statements without values, one after the other.
  void script(const char* sql);
  int64_t changed_rows() const;  // By the latest statement.

  const absl::Status& status() const { return status_; }
  absl::Status take_status();

  // backup() writes a consistent copy to `path`, which must not exist, while others may write.
  absl::Status backup(const std::string& path);

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  sqlite3_stmt* prepare(const std::string& sql);
  void bind(sqlite3_stmt* statement, const std::vector<Value>& values);
  void fail(std::string_view doing);

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  // Only texts of the program: there are as many as it has statements.
  std::map<std::string, std::unique_ptr<sqlite3_stmt, Close>> statements_;
  absl::Status status_;
};

// Transaction is all or nothing: what is not committed when it ends never was. It does not nest.
class Transaction {
 public:
  enum class Kind : uint8_t { kRead, kWrite };
  Transaction(Database& database, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  // The first thing that went wrong since the beginning; then nothing was written.
  [[nodiscard]] absl::Status commit();

 private:
  Database& database_;
  bool is_open_ = true;
};

}  // namespace connlib::portald
