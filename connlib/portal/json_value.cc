#include "connlib/portal/json_value.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace connlib::portal {
namespace {

using Json = nlohmann::json;

const Json* node_of(const void* node) { return static_cast<const Json*>(node); }

// The parser does not recurse, but every "[" costs it fifty times its own size.
bool is_too_deep(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

struct JsonDocument::Impl {
  Json root;
};

JsonDocument::JsonDocument(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

std::optional<JsonDocument> JsonDocument::parse(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes || is_too_deep(text)) return std::nullopt;
  auto impl = std::make_unique<Impl>(Impl{Json::parse(text, nullptr, /*allow_exceptions=*/false)});
  if (impl->root.is_discarded()) return std::nullopt;
  return JsonDocument(std::move(impl));
}

JsonValue JsonDocument::root() const {
  return impl_ == nullptr ? JsonValue() : JsonValue(&impl_->root);
}

bool JsonValue::is_present() const { return node_ != nullptr && !node_of(node_)->is_null(); }
bool JsonValue::is_object() const { return node_ != nullptr && node_of(node_)->is_object(); }
bool JsonValue::is_array() const { return node_ != nullptr && node_of(node_)->is_array(); }

std::optional<std::string_view> JsonValue::text() const {
  const auto* text = node_ == nullptr ? nullptr : node_of(node_)->get_ptr<const Json::string_t*>();
  if (text == nullptr) return std::nullopt;
  return std::string_view(*text);
}

std::optional<uint64_t> JsonValue::integer() const {
  // The library keeps what is not negative as unsigned.
  const auto* number =
      node_ == nullptr ? nullptr : node_of(node_)->get_ptr<const Json::number_unsigned_t*>();
  if (number == nullptr) return std::nullopt;
  return *number;
}

std::optional<bool> JsonValue::boolean() const {
  const auto* value =
      node_ == nullptr ? nullptr : node_of(node_)->get_ptr<const Json::boolean_t*>();
  if (value == nullptr) return std::nullopt;
  return *value;
}

JsonValue JsonValue::operator[](std::string_view key) const {
  if (!is_object()) return JsonValue();
  const auto* members = node_of(node_)->get_ptr<const Json::object_t*>();
  const auto found = members->find(std::string(key));
  return found == members->end() ? JsonValue() : JsonValue(&found->second);
}

size_t JsonValue::size() const { return is_array() || is_object() ? node_of(node_)->size() : 0; }

JsonValue JsonValue::at(size_t index) const {
  if (!is_array() || index >= size()) return JsonValue();
  return JsonValue(&(*node_of(node_))[index]);
}

}  // namespace connlib::portal
