#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/base/secret.h"
#include "connlib/base/secret_text.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/json_value.h"

namespace connlib::portal {

// is_uuid() says whether `text` is 36 characters: hex digits, and hyphens in their places.
bool is_uuid(std::string_view text);

// read_uuid() wants a UUID in either case and gives it in lower case: ids are compared byte for
// byte.
std::optional<std::string> read_uuid(JsonValue value);

// Fields reads the members of one JSON object, as ByteReader reads bytes: it fails once and stays
// failed, returning empty values. Read all members, then ask ok().
//
// A required member must be there and of its type. An optional one may be absent or null; of the
// wrong type it counts as absent where people read it (optional_text) and fails the object where
// permission hangs on it (optional_date, flag_or).
class Fields {
 public:
  // `skipped` counts bad elements of lists, for all objects of one message.
  Fields(JsonValue object, uint32_t& skipped)
      : object_(object), skipped_(&skipped), ok_(object.is_object()) {}

  bool ok() const { return ok_; }
  void fail() { ok_ = false; }

  template <typename Id>
  Id id(std::string_view key, std::string_view older_key = {}) {
    auto uuid = read_uuid(member(key, older_key));
    if (!uuid) fail();
    return Id(std::move(uuid).value_or(std::string()));
  }
  template <typename Id>
  std::optional<Id> optional_id(std::string_view key) {
    auto uuid = read_uuid(object_[key]);
    return uuid ? std::optional(Id(*std::move(uuid))) : std::nullopt;
  }
  template <typename Id>
  std::vector<Id> ids(std::string_view key) {
    return list<Id>(key, kRequired, [](JsonValue element) -> std::optional<Id> {
      auto uuid = read_uuid(element);
      return uuid ? std::optional(Id(*std::move(uuid))) : std::nullopt;
    });
  }

  std::string text(std::string_view key);
  std::optional<std::string> optional_text(std::string_view key);
  SecretText secret_text(std::string_view key);
  SecretText secret_text_or_empty(std::string_view key);  // Of another type: empty.
  PublicKey public_key(std::string_view key);
  Secret<32> symmetric_key(std::string_view key);
  Ipv4Address ipv4(std::string_view key);  // A prefix of full length may follow.
  Ipv6Address ipv6(std::string_view key);
  std::optional<Ipv4Address> optional_ipv4(std::string_view key);
  std::optional<Ipv6Address> optional_ipv6(std::string_view key);
  absl::Time date(std::string_view key);  // Unix seconds.
  std::optional<absl::Time> optional_date(std::string_view key);
  bool flag(std::string_view key);
  bool flag_or(std::string_view key, bool absent);
  uint64_t integer(std::string_view key);
  uint16_t port_or(std::string_view key, uint16_t absent);

  Fields object(std::string_view key) { return Fields(object_[key], *skipped_); }
  JsonValue value(std::string_view key) const { return object_[key]; }
  bool has(std::string_view key) const { return object_[key].is_present(); }

  enum Presence : uint8_t { kRequired, kOptional };

  // list() reads the elements that `read` (JsonValue → optional<T>) understands and counts the
  // others. Something else than a list fails the object.
  template <typename T, typename Read>
  std::vector<T> list(std::string_view key, Presence presence, Read read,
                      std::string_view older_key = {}) {
    std::vector<T> out;
    const JsonValue array = member(key, older_key);
    if (!array.is_array() && (array.is_present() || presence == kRequired)) fail();
    for (size_t i = 0; i < array.size() && ok_; ++i) {
      std::optional<T> element = read(array.at(i));
      element ? out.push_back(*std::move(element)) : static_cast<void>(++*skipped_);
    }
    return out;
  }

  // The same where each element is an object of its own: `read` is Fields → optional<T>.
  template <typename T, typename Read>
  std::vector<T> objects(std::string_view key, Presence presence, Read read,
                         std::string_view older_key = {}) {
    return list<T>(
        key, presence, [&](JsonValue element) { return read(Fields(element, *skipped_)); },
        older_key);
  }

 private:
  JsonValue member(std::string_view key, std::string_view older_key) const {
    const JsonValue found = object_[key];
    return found.is_present() || older_key.empty() ? found : object_[older_key];
  }
  template <typename T>
  T required(std::optional<T> value) {
    if (!value) fail();
    return std::move(value).value_or(T());
  }

  JsonValue object_;
  uint32_t* skipped_;
  bool ok_;
};

}  // namespace connlib::portal
