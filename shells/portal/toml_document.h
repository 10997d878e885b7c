#pragma once

#include <map>
#include <string>
#include <string_view>

#include "shells/portal/store/json.h"
#include "shells/portal/store/problem.h"

namespace connlib::portald {

// TomlDocument is a TOML file as JSON, and where each value stands: the line by JSON pointer.
struct TomlDocument {
  Json content = Json::object();
  std::map<std::string, int64_t> lines;

  // The line of the value, or of the nearest around it; 1 when there is none.
  int64_t line_of(std::string_view pointer) const;
};

// parse_toml() fails on what is no TOML and on dates and fractions, which nothing here has. `line`
// then is where.
Refusal parse_toml(std::string_view text, TomlDocument& out, int64_t& line);

// to_toml_value() writes one value as it stands behind "key = ".
std::string to_toml_value(const Json& value);

}  // namespace connlib::portald
