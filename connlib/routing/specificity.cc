#include "connlib/routing/specificity.h"

#include <algorithm>
#include <cstdint>

namespace connlib::routing {
namespace {

// Literals all come before the wildcards, in falling order as in the specification's example.
char rank_of(char c) {
  if (c == '*') return '\xff';
  if (c == '?') return '\xfe';
  const char lowered = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return static_cast<char>(0xff - static_cast<uint8_t>(lowered));
}

}  // namespace

Specificity::Specificity(std::string_view pattern) : key_(pattern.rbegin(), pattern.rend()) {
  std::transform(key_.begin(), key_.end(), key_.begin(), rank_of);
}

std::strong_ordering operator<=>(const Specificity& a, const Specificity& b) {
  if (a.key_.empty() != b.key_.empty()) return a.key_.empty() <=> b.key_.empty();
  return a.key_.compare(b.key_) <=> 0;
}

}  // namespace connlib::routing
