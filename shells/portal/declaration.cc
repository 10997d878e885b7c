#include "shells/portal/declaration.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <absl/strings/match.h>
#include <fmt/format.h>

namespace connlib::portald {
namespace {

using Code = Problem::Code;

// "site_id" of an object is "site" in a file, where it is a name.
std::string file_name(const Field& field) {
  std::string out = field.name;
  if (field.type == Field::Type::kReference) out.resize(out.size() - 3);
  return out;
}

const Field* find_file_field(const Kind& kind, std::string_view name) {
  for (const Field& field : kind.fields) {
    if (file_name(field) == name) return &field;
  }
  return nullptr;
}

// The pointer of a member becomes that of the key in the file.
std::string in_file(const Kind& kind, const std::string& at, const std::string& pointer) {
  if (pointer.empty()) return at;
  const size_t end = std::min(pointer.find('/', 1), pointer.size());
  const Field* field = kind.find(std::string_view(pointer).substr(1, end - 1));
  const std::string first = field == nullptr ? pointer.substr(1, end - 1) : file_name(*field);
  return fmt::format("{}/{}{}", at, first, pointer.substr(end));
}

class Application {
 public:
  Application(Writer& writer, const Json& declaration)
      : writer_(writer), declaration_(declaration) {}

  Refusal run() {
    if (auto refusal = check_sections()) return refusal;
    if (declaration_.contains("account")) {
      if (auto refusal = apply_account(declaration_.at("account"))) return refusal;
    }
    for (const Kind& kind : kinds()) {
      if (!declaration_.contains(kind.plural)) continue;
      listed_[kind.name];  // Also when it lists nothing.
      const Json& section = declaration_.at(kind.plural);
      for (size_t i = 0; i < section.size(); ++i) {
        const std::string at = fmt::format("/{}/{}", kind.plural, i);
        if (auto refusal = apply_object(kind, section[i], at)) return refusal;
      }
    }
    // What refers to others goes first.
    for (size_t i = kinds().size(); i-- > 0;) {
      if (auto refusal = remove_others(kinds()[i])) return refusal;
    }
    return std::nullopt;
  }

 private:
  Store& store() { return writer_.store(); }

  Refusal check_sections() {
    for (const auto& [name, section] : declaration_.items()) {
      if (name == "account") {
        if (section.is_object()) continue;
        return Problem{Code::kInvalid, "/account", "not a table: write [account]"};
      }
      const Kind* kind = find_kind(name);
      if (kind == nullptr || name != kind->plural) {
        return Problem{Code::kUnknownMember, "/" + name,
                       fmt::format("there is no section \"{}\", only account, sites, actors, "
                                   "groups, resources, policies",
                                   name)};
      }
      if (!section.is_array()) {
        return Problem{Code::kInvalid, "/" + name,
                       fmt::format("not a list of tables: write [[{}]]", name)};
      }
    }
    return std::nullopt;
  }

  Refusal apply_account(const Json& members) {
    auto refusal =
        writer_.update(account_kind(), store().account().at("id").get<std::string>(), members);
    if (refusal) refusal->pointer = "/account" + refusal->pointer;
    return refusal;
  }

  // The id of the object of that name, which this file must not be about to remove.
  Refusal resolve(const Field& field, Json& value, const std::string& pointer) {
    if (!value.is_string()) {
      return Problem{Code::kInvalid, pointer, fmt::format("{}: not a name", value.dump())};
    }
    const Kind& target = *find_kind(field.refers_to);
    const auto found = store().find_named(target, value.get<std::string>());
    if (!found) {
      return Problem{Code::kNotFound, pointer, fmt::format("no {} {}", target.name, value.dump())};
    }
    const auto listed = listed_.find(target.name);
    const auto id = found->at("id").get<std::string>();
    if (listed != listed_.end() && !listed->second.contains(id) &&
        found->value("type", "") != "everyone") {
      return Problem{
          Code::kNotFound, pointer,
          fmt::format("{} {} is not in the section [[{}]] of this file, which removes it",
                      target.name, value.dump(), target.plural)};
    }
    value = id;
    return std::nullopt;
  }

  Refusal to_members(const Kind& kind, const Json& object, const std::string& at, Json& members) {
    if (!object.is_object()) return Problem{Code::kInvalid, at, "not a table"};
    members = Json::object();
    for (const auto& [name, value] : object.items()) {
      const std::string pointer = fmt::format("{}/{}", at, name);
      const Field* field = find_file_field(kind, name);
      if (field == nullptr) {
        std::string known;
        for (const Field& each : kind.fields) known += " " + file_name(each);
        return Problem{Code::kUnknownMember, pointer,
                       fmt::format("a {} has no \"{}\", only:{}", kind.name, name, known)};
      }
      Json out = value;
      if (field->type == Field::Type::kReference) {
        if (auto refusal = resolve(*field, out, pointer)) return refusal;
      }
      if (field->type == Field::Type::kReferences) {
        if (!out.is_array()) {
          return Problem{Code::kInvalid, pointer, fmt::format("{}: not a list", out.dump())};
        }
        for (size_t i = 0; i < out.size(); ++i) {
          if (auto no = resolve(*field, out[i], fmt::format("{}/{}", pointer, i))) return no;
        }
      }
      members[field->name] = std::move(out);
    }
    return std::nullopt;
  }

  // The object that is meant: of the same name, or joining the same pair.
  std::optional<std::string> find_present(const Kind& kind, const Json& members) {
    if (kind.find(kNameMember) != nullptr) {
      const auto name = members.find("name");
      if (name == members.end() || !name->is_string()) return std::nullopt;
      const auto found = store().find_named(kind, name->get<std::string>());
      if (!found || found->at("name") != *name) return std::nullopt;
      return found->at("id").get<std::string>();
    }
    const Rows rows =
        store().database().query("SELECT id FROM policies WHERE group_id = ?1 AND resource_id = ?2",
                                 {members.value("group_id", ""), members.value("resource_id", "")});
    if (rows.empty()) return std::nullopt;
    return rows[0].text(0);
  }

  Refusal apply_object(const Kind& kind, const Json& object, const std::string& at) {
    Json members;
    if (auto refusal = to_members(kind, object, at, members)) return refusal;
    Refusal refusal;
    std::string id;
    if (const auto present = find_present(kind, members)) {
      id = *present;
      // What the file does not say is as if it were new: the file is all there is to know.
      for (const Field& field : kind.fields) {
        if (!field.is_required && !field.is_constant && !members.contains(field.name)) {
          members[field.name] = field.otherwise;
        }
      }
      refusal = writer_.update(kind, id, members);
    } else {
      refusal = writer_.create(kind, members, id);
    }
    if (refusal) {
      refusal->pointer = in_file(kind, at, refusal->pointer);
      return refusal;
    }
    if (!listed_[kind.name].insert(id).second) {
      return Problem{Code::kConflict, at, fmt::format("this {} is in the file twice", kind.name)};
    }
    return std::nullopt;
  }

  Refusal remove_others(const Kind& kind) {
    const auto listed = listed_.find(kind.name);
    if (listed == listed_.end()) return std::nullopt;
    for (const Json& object : store().list(kind)) {
      const auto id = object.at("id").get<std::string>();
      if (listed->second.contains(id) || object.value("type", "") == "everyone") continue;
      if (auto refusal = writer_.remove(kind, id)) {
        refusal->pointer = fmt::format("/{}", kind.plural);
        return refusal;
      }
    }
    return std::nullopt;
  }

  Writer& writer_;
  const Json& declaration_;
  std::map<std::string, std::set<std::string>> listed_;  // Ids by Kind::name.
};

// Names instead of ids.
Json by_name(Store& store, const Field& field, const Json& value) {
  const auto name_of = [&store, &field](const Json& id) -> Json {
    const auto found = store.find(*find_kind(field.refers_to), id.get<std::string>());
    return found ? found->at("name") : id;
  };
  if (field.type == Field::Type::kReference) return name_of(value);
  if (field.type != Field::Type::kReferences) return value;
  std::set<std::string> names;
  for (const Json& id : value) names.insert(name_of(id).get<std::string>());
  return names;
}

std::string members_text(Store& store, const Kind& kind, const Json& object) {
  std::string out;
  for (const Field& field : kind.fields) {
    const Json& value = object.at(field.name);
    if (!field.is_required && value == field.otherwise) continue;
    out += fmt::format("{} = {}\n", file_name(field), to_toml_value(by_name(store, field, value)));
  }
  return out;
}

std::string shown(Store& store, const Field& field, const Json& value) {
  return value.is_null() ? "none" : to_toml_value(by_name(store, field, value));
}

}  // namespace

Refusal apply_declaration(Writer& writer, const Json& declaration) {
  auto refusal = Application(writer, declaration).run();
  if (!writer.database().status().ok()) return store_problem(writer.database().status());
  return refusal;
}

std::string export_declaration(Store& store) {
  std::string out = "[account]\n" + members_text(store, account_kind(), store.account());
  for (const Kind& kind : kinds()) {
    std::vector<std::pair<std::string, std::string>> objects;
    for (const Json& object : store.list(kind)) {
      if (object.value("type", "") == "everyone") continue;  // Built in.
      objects.emplace_back(store.label(kind, object), members_text(store, kind, object));
    }
    std::sort(objects.begin(), objects.end());
    for (const auto& [label, text] : objects) {
      out += fmt::format("\n[[{}]]\n{}", kind.plural, text);
    }
    if (objects.empty()) out += fmt::format("\n# No {}.\n", kind.plural);
  }
  return out;
}

std::string describe(Store& store, const std::vector<Change>& changes) {
  std::string out;
  size_t counts[3] = {};
  for (const Change& change : changes) {
    ++counts[static_cast<size_t>(change.action)];
    const char* sign[] = {"+", "~", "-"};
    out += fmt::format("{} {} \"{}\"\n", sign[static_cast<size_t>(change.action)], change.kind,
                       change.label);
    const Kind* kind = change.kind == "account" ? &account_kind() : find_kind(change.kind);
    if (kind == nullptr || change.action == Change::Action::kDeleted) continue;
    const bool is_new = change.action == Change::Action::kCreated;
    for (const Field& field : kind->fields) {
      const Json& after = change.after.at(field.name);
      if (is_new) {
        if (field.is_required || after == field.otherwise) continue;
        out += fmt::format("    {}: {}\n", file_name(field), shown(store, field, after));
        continue;
      }
      const Json& before = change.before.at(field.name);
      if (before == after) continue;
      out += fmt::format("    {}: {} -> {}\n", file_name(field), shown(store, field, before),
                         shown(store, field, after));
    }
  }
  if (changes.empty()) return "nothing to change\n";
  out += fmt::format("{} added, {} changed, {} removed\n", counts[0], counts[1], counts[2]);
  return out;
}

}  // namespace connlib::portald
