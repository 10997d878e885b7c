#include "connlib/portal/server/form_parameters.h"

#include <algorithm>
#include <cstdint>

#include "connlib/base/hex.h"

namespace connlib::portal::server {
namespace {

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%') {
      const auto byte = from_hex(text.substr(i + 1, 2));
      if (!byte || byte->size() != 1) return std::nullopt;
      out += static_cast<char>(byte->front());
      i += 2;
    } else {
      out += text[i];
    }
  }
  const bool has_control = std::any_of(
      out.begin(), out.end(), [](char c) { return static_cast<uint8_t>(c) < ' ' || c == 0x7f; });
  if (has_control || !count_characters(out)) return std::nullopt;
  return out;
}

// What the first byte of a sequence says (RFC 3629 §4): how many follow, and the bits it carries.
struct Lead {
  size_t following = 0;
  uint32_t bits = 0;
  uint32_t least = 0;  // A smaller character is written shorter.
};
std::optional<Lead> read_lead(uint8_t byte) {
  if (byte < 0x80) return Lead{0, byte, 0};
  if (byte >> 5 == 0b110) return Lead{1, byte & 0x1fU, 0x80};
  if (byte >> 4 == 0b1110) return Lead{2, byte & 0x0fU, 0x800};
  if (byte >> 3 == 0b11110) return Lead{3, byte & 0x07U, 0x10000};
  return std::nullopt;
}

}  // namespace

std::optional<size_t> count_characters(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    const auto lead = read_lead(static_cast<uint8_t>(text[i++]));
    if (!lead || lead->following > text.size() - i) return std::nullopt;
    uint32_t character = lead->bits;
    for (size_t n = 0; n < lead->following; ++n) {
      const auto byte = static_cast<uint8_t>(text[i++]);
      if (byte >> 6 != 0b10) return std::nullopt;
      character = character << 6 | (byte & 0x3fU);
    }
    const bool is_surrogate = character >= 0xd800 && character <= 0xdfff;
    if (character < lead->least || is_surrogate || character > 0x10ffff) return std::nullopt;
  }
  return count;
}

std::optional<FormParameters> FormParameters::parse(std::string_view query) {
  FormParameters out;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return std::nullopt;
    out.values_.insert_or_assign(*std::move(name), *std::move(value));
  }
  return out;
}

const std::string* FormParameters::find(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? nullptr : &found->second;
}

}  // namespace connlib::portal::server
