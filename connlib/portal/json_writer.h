#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace connlib::portal {

// JsonWriter writes one compact JSON text, members in the order of the calls. The caller balances
// begin and end and gives every member of an object a key first.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);    // A literal of the protocol: written as it is.
  JsonWriter& text(std::string_view value);  // Bytes that are no UTF-8 become U+FFFD.
  JsonWriter& integer(uint64_t value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // What another writer wrote.

  const std::string& written() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string out_;
  bool needs_comma_ = false;
};

}  // namespace connlib::portal
