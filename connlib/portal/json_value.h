#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace connlib::portal {

inline constexpr size_t kMaxJsonDepth = 16;  // Ours: the deepest message of the protocol needs 6.

// JsonValue looks at one value of a JsonDocument, which it borrows from. Every question has an
// answer: of a value that is absent, null or of another type it is "nothing", so a decoder asks for
// what it wants and never first what is there.
class JsonValue {
 public:
  JsonValue() = default;

  bool is_present() const;  // And not null.
  bool is_object() const;
  bool is_array() const;
  std::optional<std::string_view> text() const;  // UTF-8.
  std::optional<uint64_t> integer() const;       // Not negative, no fraction, in range.
  std::optional<bool> boolean() const;

  // The member called `key`; nothing unless this is an object that has it. The last one of equals.
  JsonValue operator[](std::string_view key) const;

  // Elements of an array; members of an object; 0 of anything else.
  size_t size() const;
  JsonValue at(size_t index) const;  // Nothing unless this is an array longer than `index`.

 private:
  friend class JsonDocument;
  explicit JsonValue(const void* node) : node_(node) {}
  const void* node_ = nullptr;  // The library's type stays in json_value.cc.
};

// JsonDocument is one parsed text.
class JsonDocument {
 public:
  // parse() gives nullopt on anything but one JSON text in UTF-8 of at most `max_bytes` and
  // kMaxJsonDepth levels. Memory is within a small multiple of the text.
  static std::optional<JsonDocument> parse(std::string_view text, size_t max_bytes);

  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  ~JsonDocument();

  JsonValue root() const;

 private:
  struct Impl;
  explicit JsonDocument(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace connlib::portal
