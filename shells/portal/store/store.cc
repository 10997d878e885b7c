#include "shells/portal/store/store.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace connlib::portald {
namespace {

bool is_column(const Field& field) { return field.type != Field::Type::kReferences; }

std::string columns_of(const Kind& kind) {
  std::string out = "id";
  for (const Field& field : kind.fields) {
    if (is_column(field)) out += fmt::format(", \"{}\"", field.name);
  }
  return out;
}

std::string select(const Kind& kind, const std::string& rest) {
  return fmt::format("SELECT {} FROM \"{}\" {}", columns_of(kind), kind.plural, rest);
}

Json from_column(const Field& field, const Row& row, size_t column) {
  if (row.is_null(column)) return nullptr;
  switch (field.type) {
    case Field::Type::kFlag:
      return row.flag(column);
    case Field::Type::kInteger:
      return row.integer(column);
    case Field::Type::kTexts:
    case Field::Type::kConditions:
      return Json::parse(row.text(column), nullptr, false);
    case Field::Type::kText:
    case Field::Type::kChoice:
    case Field::Type::kReference:
    case Field::Type::kReferences:
      break;
  }
  return row.text(column);
}

absl::StatusOr<Migrated> prepare(Database& database, absl::Time now) {
  return migrate(database, migrations(), now);
}

}  // namespace

std::string new_id(RandomSource& random) {
  std::array<uint8_t, 16> bytes{};
  random.fill(bytes);
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", bytes[i]);
  }
  return out;
}

absl::StatusOr<Store> Store::create(const std::string& path, absl::Time now) {
  auto database = Database::open(path, Database::Mode::kCreate);
  if (!database.ok()) return database.status();
  auto migrated = prepare(*database, now);
  if (!migrated.ok()) return migrated.status();
  return Store(*std::move(database), *std::move(migrated));
}

absl::StatusOr<Store> Store::open(const std::string& path, absl::Time now) {
  auto database = Database::open(path, Database::Mode::kExisting);
  if (!database.ok()) return database.status();
  auto migrated = prepare(*database, now);
  if (!migrated.ok()) return migrated.status();
  Store out(*std::move(database), *std::move(migrated));
  if (out.account().is_null()) {
    return absl::FailedPreconditionError(fmt::format("{} has no account: init did not end", path));
  }
  return out;
}

Json Store::from_row(const Kind& kind, const Row& row) {
  Json out = Json::object();
  out["id"] = row.text(0);
  size_t column = 0;
  for (const Field& field : kind.fields) {
    if (is_column(field)) {
      ++column;
      out[field.name] = from_column(field, row, column);
      continue;
    }
    out[field.name] = Json::array();
    // The one table of references: who belongs to a group.
    const Rows members = database_.query(
        "SELECT actor_id FROM memberships WHERE group_id = ?1 ORDER BY actor_id", {row.text(0)});
    for (const Row& member : members) out[field.name].push_back(member.text(0));
  }
  return out;
}

std::vector<Json> Store::list(const Kind& kind) {
  std::vector<Json> out;
  const bool has_name = kind.find(kNameMember) != nullptr;
  const Rows rows = database_.query(select(kind, has_name ? "ORDER BY name" : "ORDER BY id"));
  out.reserve(rows.size());
  for (const Row& row : rows) out.push_back(from_row(kind, row));
  return out;
}

std::optional<Json> Store::find(const Kind& kind, const std::string& id) {
  const Rows rows = database_.query(select(kind, "WHERE id = ?1"), {id});
  if (rows.empty()) return std::nullopt;
  return from_row(kind, rows[0]);
}

std::optional<Json> Store::find_named(const Kind& kind, const std::string& name_or_id) {
  if (auto found = find(kind, name_or_id)) return found;
  if (kind.find(kNameMember) == nullptr) return std::nullopt;
  const Rows rows = database_.query(select(kind, "WHERE name = ?1"), {name_or_id});
  if (rows.empty()) return std::nullopt;
  return from_row(kind, rows[0]);
}

Json Store::account() {
  const Rows rows = database_.query(select(account_kind(), "LIMIT 1"));
  return rows.empty() ? Json(nullptr) : from_row(account_kind(), rows[0]);
}

std::string Store::label(const Kind& kind, const Json& object) {
  if (kind.find(kNameMember) != nullptr) return object.at("name").get<std::string>();
  std::string out;
  for (const Field& field : kind.fields) {
    if (field.type != Field::Type::kReference) continue;
    const auto id = object.at(field.name).get<std::string>();
    const auto target = find(*find_kind(field.refers_to), id);
    out += out.empty() ? "" : " -> ";
    out += target ? target->at("name").get<std::string>() : id;
  }
  return out;
}

const char* name(Change::Action action) {
  switch (action) {
    case Change::Action::kCreated:
      return "created";
    case Change::Action::kUpdated:
      return "updated";
    case Change::Action::kDeleted:
      return "deleted";
  }
  return "unknown";
}

}  // namespace connlib::portald
