#include "connlib/portal/fields.h"

#include <algorithm>
#include <limits>

namespace connlib::portal {
namespace {

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::optional<IpAddress> read_address(JsonValue value, IpFamily family) {
  const auto text = value.text();
  const auto prefix = text ? IpPrefix::parse(*text) : std::nullopt;
  if (!prefix || prefix->address().family() != family) return std::nullopt;
  if (prefix->length() != prefix->address().bytes().size() * 8) return std::nullopt;
  return prefix->address();
}

std::optional<Ipv4Address> read_ipv4(JsonValue value) {
  const auto address = read_address(value, IpFamily::kV4);
  return address ? std::optional(*address->v4()) : std::nullopt;
}

std::optional<Ipv6Address> read_ipv6(JsonValue value) {
  const auto address = read_address(value, IpFamily::kV6);
  return address ? std::optional(*address->v6()) : std::nullopt;
}

std::optional<absl::Time> read_date(JsonValue value) {
  const auto seconds = value.integer();
  // What no date can say is as good as never.
  constexpr uint64_t kLatest = std::numeric_limits<int64_t>::max() / 1'000'000'000;
  if (!seconds) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(std::min(*seconds, kLatest)));
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_hyphen_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_hyphen_place ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

std::optional<std::string> read_uuid(JsonValue value) {
  const auto text = value.text();
  if (!text || !is_uuid(*text)) return std::nullopt;
  std::string uuid(*text);
  std::transform(uuid.begin(), uuid.end(), uuid.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return uuid;
}

std::string Fields::text(std::string_view key) { return required(optional_text(key)); }

std::optional<std::string> Fields::optional_text(std::string_view key) {
  const auto text = object_[key].text();
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

SecretText Fields::secret_text(std::string_view key) {
  const auto text = object_[key].text();
  if (!text) fail();
  return SecretText(text.value_or(std::string_view()));
}

SecretText Fields::secret_text_or_empty(std::string_view key) {
  return SecretText(object_[key].text().value_or(std::string_view()));
}

PublicKey Fields::public_key(std::string_view key) {
  const auto text = object_[key].text();
  return required(text ? PublicKey::parse_base64(*text) : std::nullopt);
}

Secret<32> Fields::symmetric_key(std::string_view key) {
  PublicKey bytes = public_key(key);  // The same 44 characters.
  Secret<32> out{std::span<const uint8_t, 32>(bytes.bytes)};
  wipe(bytes.bytes);
  return out;
}

Ipv4Address Fields::ipv4(std::string_view key) { return required(optional_ipv4(key)); }
Ipv6Address Fields::ipv6(std::string_view key) { return required(optional_ipv6(key)); }
std::optional<Ipv4Address> Fields::optional_ipv4(std::string_view key) {
  return read_ipv4(object_[key]);
}
std::optional<Ipv6Address> Fields::optional_ipv6(std::string_view key) {
  return read_ipv6(object_[key]);
}

absl::Time Fields::date(std::string_view key) { return required(read_date(object_[key])); }

std::optional<absl::Time> Fields::optional_date(std::string_view key) {
  if (!has(key)) return std::nullopt;
  return date(key);
}

bool Fields::flag(std::string_view key) { return required(object_[key].boolean()); }

bool Fields::flag_or(std::string_view key, bool absent) { return has(key) ? flag(key) : absent; }

uint64_t Fields::integer(std::string_view key) { return required(object_[key].integer()); }

uint16_t Fields::port_or(std::string_view key, uint16_t absent) {
  if (!has(key)) return absent;
  const uint64_t number = integer(key);
  if (number > 65535) fail();
  return static_cast<uint16_t>(number);
}

}  // namespace connlib::portal
