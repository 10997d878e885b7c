#include "shells/portal/toml_document.h"

#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace connlib::portald {
namespace {

using Code = Problem::Code;

constexpr int kMaxDepth = 16;  // Ours: deeper than any file that means something.

int64_t line_number(const toml::source_region& source) { return int64_t{source.begin.line}; }

class Converter {
 public:
  explicit Converter(TomlDocument& out) : out_(out) {}

  Json convert(const toml::node& node, const std::string& pointer, int depth) {
    out_.lines.emplace(pointer, line_number(node.source()));
    if (depth > kMaxDepth) return refuse(node, pointer, "too deep");
    if (const auto* table = node.as_table()) {
      Json object = Json::object();
      for (const auto& [key, value] : *table) {
        const std::string below = fmt::format("{}/{}", pointer, key.str());
        out_.lines.emplace(below, line_number(key.source()));
        object[std::string(key.str())] = convert(value, below, depth + 1);
      }
      return object;
    }
    if (const auto* array = node.as_array()) {
      Json list = Json::array();
      for (const toml::node& value : *array) {
        list.push_back(convert(value, fmt::format("{}/{}", pointer, list.size()), depth + 1));
      }
      return list;
    }
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    return refuse(node, pointer, "a text, whole number, boolean, list or table is wanted");
  }

  Refusal refusal;
  int64_t line = 1;

 private:
  Json refuse(const toml::node& node, const std::string& pointer, const char* why) {
    if (!refusal) {
      refusal = Problem{Code::kInvalid, pointer, why};
      line = line_number(node.source());
    }
    return nullptr;
  }
  TomlDocument& out_;
};

}  // namespace

int64_t TomlDocument::line_of(std::string_view pointer) const {
  for (std::string at(pointer);; at.resize(at.rfind('/'))) {
    if (const auto found = lines.find(at); found != lines.end()) return found->second;
    if (at.find('/') == std::string::npos) return 1;
  }
}

Refusal parse_toml(std::string_view text, TomlDocument& out, int64_t& line) {
  try {
    const toml::table table = toml::parse(text);
    Converter converter(out);
    out.content = converter.convert(table, "", 0);
    line = converter.line;
    return converter.refusal;
  } catch (const toml::parse_error& error) {  // The library is built to throw.
    line = line_number(error.source());
    return Problem{Code::kInvalid, "", std::string(error.description())};
  }
}

std::string to_toml_value(const Json& value) {
  if (value.is_object()) {
    std::string out;
    for (const auto& [key, member] : value.items()) {
      out += fmt::format("{} {} = {}", out.empty() ? "" : ",", key, to_toml_value(member));
    }
    return out.empty() ? "{}" : "{" + out + " }";
  }
  if (value.is_array()) {
    std::string out;
    for (const Json& each : value) out += (out.empty() ? "" : ", ") + to_toml_value(each);
    return "[" + out + "]";
  }
  // Texts, numbers and booleans are written alike; control characters are in no text of ours.
  return value.dump();
}

}  // namespace connlib::portald
