#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shells/portal/store/document.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {
namespace {

using Code = Problem::Code;

Value to_column(const Field& field, const Json& value) {
  if (value.is_null()) return nullptr;
  switch (field.type) {
    case Field::Type::kFlag:
      return int64_t{value.get<bool>()};
    case Field::Type::kInteger:
      return value.get<int64_t>();
    case Field::Type::kTexts:
    case Field::Type::kConditions:
      return value.dump();
    case Field::Type::kText:
    case Field::Type::kChoice:
    case Field::Type::kReference:
    case Field::Type::kReferences:
      break;
  }
  return value.get<std::string>();
}

std::string text_or_empty(const Json& document) {
  return document.is_null() ? "" : document.dump();
}

Problem no_such(const Kind& kind, const std::string& id) {
  return {Code::kNotFound, "", fmt::format("no {} \"{}\"", kind.name, id)};
}

}  // namespace

Writer::Writer(Store& store, Author author, RandomSource& random)
    : store_(store),
      author_(std::move(author)),
      random_(random),
      transaction_(store.database(), Transaction::Kind::kWrite) {}

Refusal Writer::check_reference(const Field& field, const std::string& id,
                                const std::string& pointer) {
  const Kind& target = *find_kind(field.refers_to);
  if (store_.find(target, id)) return std::nullopt;
  return Problem{Code::kNotFound, pointer, fmt::format("no {} \"{}\"", target.name, id)};
}

// What is not to be seen in the document alone. `id` is the object's own.
Refusal Writer::check(const Kind& kind, const Json& document, const std::string& id) {
  std::string pair;
  std::vector<Value> values{id};
  for (const Field& field : kind.fields) {
    const std::string pointer = fmt::format("/{}", field.name);
    const Json& value = document.at(field.name);
    if (field.type == Field::Type::kReference) {
      const auto target = value.get<std::string>();
      if (auto refusal = check_reference(field, target, pointer)) return refusal;
      values.emplace_back(target);
      pair += fmt::format(" AND \"{}\" = ?{}", field.name, values.size());
    }
    if (field.type == Field::Type::kReferences) {
      for (size_t i = 0; i < value.size(); ++i) {
        const auto target = value[i].get<std::string>();
        if (auto no = check_reference(field, target, fmt::format("{}/{}", pointer, i))) return no;
      }
    }
    if (!field.is_name) continue;
    const auto same = database().number(
        fmt::format("SELECT count(*) FROM \"{}\" WHERE name = ?1 AND id <> ?2", kind.plural),
        {value.get<std::string>(), id});
    if (same == 0) continue;
    return Problem{Code::kConflict, pointer,
                   fmt::format("another {} is called {}", kind.name, value.dump())};
  }
  // A kind without names is known by what it joins.
  if (kind.find(kNameMember) == nullptr && !pair.empty() &&
      database().number(
          fmt::format("SELECT count(*) FROM \"{}\" WHERE id <> ?1{}", kind.plural, pair), values) !=
          0) {
    return Problem{
        Code::kConflict, "",
        fmt::format("there is a {} {} already", kind.name, store_.label(kind, document))};
  }
  return std::nullopt;
}

void Writer::write(const Kind& kind, const std::string& id, const Json& document, bool is_new) {
  std::string columns;
  std::string places;
  std::string assignments;
  std::vector<Value> values{id};
  for (const Field& field : kind.fields) {
    if (field.type == Field::Type::kReferences) continue;
    values.push_back(to_column(field, document.at(field.name)));
    columns += fmt::format(", \"{}\"", field.name);
    places += fmt::format(", ?{}", values.size());
    assignments +=
        fmt::format("{}\"{}\" = ?{}", assignments.empty() ? "" : ", ", field.name, values.size());
  }
  if (is_new) {
    database().run(
        fmt::format("INSERT INTO \"{}\" (id{}) VALUES (?1{})", kind.plural, columns, places),
        values);
  } else {
    database().run(fmt::format("UPDATE \"{}\" SET {} WHERE id = ?1", kind.plural, assignments),
                   values);
  }
  const auto members = document.find("members");
  if (members == document.end()) return;
  database().run("DELETE FROM memberships WHERE group_id = ?1", {id});
  for (const Json& member : *members) {
    database().run("INSERT INTO memberships (group_id, actor_id) VALUES (?1, ?2)",
                   {id, member.get<std::string>()});
  }
}

Refusal Writer::create(const Kind& kind, const Json& members, std::string& id) {
  if (auto refusal = check_members(kind, members, true)) return refusal;
  const Json document = complete(kind, members);
  if (auto refusal = check_meaning(kind, document)) return refusal;
  const auto present = database().number(fmt::format("SELECT count(*) FROM \"{}\"", kind.plural));
  if (static_cast<size_t>(present) >= kind.limit) {
    return Problem{Code::kLimit, "", fmt::format("{} {} at most", kind.limit, kind.plural)};
  }
  if (document.value("type", "") == "everyone" &&
      database().number("SELECT count(*) FROM groups WHERE type = 'everyone'") != 0) {
    return Problem{Code::kConflict, "/type", "there is a group of everyone already"};
  }
  id = new_id(random_);
  if (auto refusal = check(kind, document, id)) return refusal;
  write(kind, id, document, true);
  log({.action = Change::Action::kCreated,
       .kind = kind.name,
       .id = id,
       .label = store_.label(kind, document),
       .before = nullptr,
       .after = document});
  return store_problem(database().status());
}

Refusal Writer::update(const Kind& kind, const std::string& id, const Json& members) {
  if (auto refusal = check_members(kind, members, false)) return refusal;
  const auto found = store_.find(kind, id);
  if (!database().status().ok()) return store_problem(database().status());
  if (!found) return no_such(kind, id);
  Json before = *found;
  before.erase("id");
  Json after = before;
  for (const auto& [name, value] : members.items()) {
    if (kind.find(name)->is_constant && value != before.at(name)) {
      return Problem{Code::kProtected, "/" + name,
                     fmt::format("it is {} and stays so", before.at(name).dump())};
    }
    after[name] = value;
  }
  after = complete(kind, after);
  if (auto refusal = check_meaning(kind, after)) return refusal;
  if (auto refusal = check(kind, after, id)) return refusal;
  if (after == before) return store_problem(database().status());
  write(kind, id, after, false);
  std::string label = store_.label(kind, after);
  log({.action = Change::Action::kUpdated,
       .kind = kind.name,
       .id = id,
       .label = std::move(label),
       .before = std::move(before),
       .after = std::move(after)});
  return store_problem(database().status());
}

void Writer::remove_dependents(const Kind& kind, const std::string& id) {
  for (const Kind& other : kinds()) {
    for (const Field& field : other.fields) {
      if (field.refers_to == nullptr || std::string_view(field.refers_to) != kind.name) continue;
      if (field.type == Field::Type::kReferences) {
        const Rows groups =
            database().query("SELECT group_id FROM memberships WHERE actor_id = ?1", {id});
        for (const Row& row : groups) {
          Json members = store_.find(other, row.text(0))->at(field.name);
          members.erase(std::find(members.begin(), members.end(), Json(id)));
          update(other, row.text(0), {{field.name, members}});
        }
        continue;
      }
      const Rows rows = database().query(
          fmt::format("SELECT id FROM \"{}\" WHERE \"{}\" = ?1", other.plural, field.name), {id});
      for (const Row& row : rows) remove(other, row.text(0));
    }
  }
}

// What has no Kind goes along by the foreign keys; only the log has to be told.
void Writer::remove_identities(const Kind& kind, const std::string& id) {
  const std::string_view name = kind.name;
  if (name != "actor" && name != "site") return;
  for (const char* table : {"tokens", "devices"}) {
    const Rows rows = database().query(
        fmt::format("SELECT id, name FROM {} WHERE {}_id = ?1", table, name), {id});
    for (const Row& row : rows) {
      log({.action = Change::Action::kDeleted,
           .kind = std::string_view(table) == "tokens" ? "token" : "device",
           .id = row.text(0),
           .label = row.text(1),
           .before = {{"name", row.text(1)}},
           .after = nullptr});
    }
  }
}

Refusal Writer::remove(const Kind& kind, const std::string& id) {
  const auto found = store_.find(kind, id);
  if (!database().status().ok()) return store_problem(database().status());
  if (!found) return no_such(kind, id);
  if (found->value("type", "") == "everyone") {
    return Problem{Code::kProtected, "", "the group of everyone is built in"};
  }
  const std::string label = store_.label(kind, *found);
  remove_dependents(kind, id);
  remove_identities(kind, id);
  database().run(fmt::format("DELETE FROM \"{}\" WHERE id = ?1", kind.plural), {id});
  Json before = *found;
  before.erase("id");
  log({.action = Change::Action::kDeleted,
       .kind = kind.name,
       .id = id,
       .label = label,
       .before = std::move(before),
       .after = nullptr});
  return store_problem(database().status());
}

void Writer::log(Change change) {
  const auto or_null_text = [](const Json& document) -> Value {
    if (document.is_null()) return nullptr;
    return text_or_empty(document);
  };
  database().run(
      "INSERT INTO changes (at, by, action, kind, object_id, name, before, after) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      {int64_t{absl::ToUnixSeconds(author_.now)}, author_.name, std::string(name(change.action)),
       change.kind, change.id, change.label, or_null_text(change.before),
       or_null_text(change.after)});
  changes_.push_back(std::move(change));
}

Refusal Writer::check_commit() {
  const auto administrators = database().number(
      "SELECT count(*) FROM actors WHERE type = 'account_admin_user' AND disabled = 0");
  if (database().status().ok() && administrators == 0) {
    return Problem{Code::kProtected, "",
                   "no enabled actor of type account_admin_user would be left"};
  }
  return store_problem(database().status());
}

Refusal Writer::commit() {
  if (!changes_.empty()) {
    database().run("DELETE FROM changes WHERE number <= (SELECT max(number) FROM changes) - ?1",
                   {kMaxChanges});
    if (auto refusal = check_commit()) return refusal;
  }
  return store_problem(transaction_.commit());
}

}  // namespace connlib::portald
