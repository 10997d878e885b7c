#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shells/portal/store/json.h"

namespace connlib::portald {

// Field is one member of an object, wherever the object appears: a column of the store, a member in
// the API and its OpenAPI document, a key of a TOML file. One table describes all four.
struct Field {
  enum class Type : uint8_t {
    kText,    // One line.
    kChoice,  // One of `choices`.
    kFlag,
    kInteger,     // From 0 to 1000.
    kReference,   // The id of one object of `refers_to`.
    kReferences,  // A set of them, in a table of its own.
    kTexts,       // A list of lines.
    kConditions,  // Of a policy: an object with a member for each property.
  };
  const char* name;
  Type type;
  const char* help;
  bool is_required = false;
  bool is_name = false;      // No two objects of the kind have the same.
  bool is_constant = false;  // Given when made, then never another.
  bool is_nullable = false;
  const char* refers_to = nullptr;  // Kind::name.
  std::vector<const char*> choices{};
  Json otherwise{};  // When it is not given.
};

// Kind is a sort of object that an operator administers.
struct Kind {
  const char* name;    // "site"
  const char* plural;  // "sites": table, path, section of a file.
  const char* help;
  size_t limit;               // How many there may be.
  std::vector<Field> fields;  // Without "id", which all have.

  const Field* find(std::string_view field) const;
};

inline constexpr size_t kMaxText = 255;          // Ours: bytes of a line.
inline constexpr size_t kMaxTexts = 256;         // Ours: lines of a list.
inline constexpr size_t kMaxReferences = 10000;  // Ours: members of a group.

// In the order in which they can be made: what is referred to comes first.
std::span<const Kind> kinds();
const Kind& account_kind();  // Of which there is one object, made by `init`.
const Kind* find_kind(std::string_view name_or_plural);

// What people call an object of the kind: its name; for a policy, what it grants to whom.
inline constexpr std::string_view kNameMember = "name";

}  // namespace connlib::portald
