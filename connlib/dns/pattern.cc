#include "connlib/dns/pattern.h"

#include <algorithm>

namespace connlib::dns {
namespace {

constexpr std::string_view kAnyLabels{"\2**", 3};
constexpr std::string_view kAnyFirstLabel{"\1*", 2};
constexpr size_t kNone = std::string_view::npos;

bool is_wildcard(char c) { return c == '*' || c == '?'; }

bool has_wildcard(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_wildcard);
}

// The label at the front of a name or pattern in wire form, its length byte included.
std::string_view first_label(std::string_view wire) {
  return wire.substr(0, size_t{1} + static_cast<uint8_t>(wire.front()));
}

// Does one label match? The last `*` takes back what it gave away: linear for one star, at worst
// the product of two lengths below 64.
bool glob(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = kNone;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != kNone) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// The same a level higher: `**` among labels as `*` among characters. Both end in the root.
bool match_labels(std::string_view pattern, std::string_view name) {
  std::optional<std::string_view> behind_star;
  std::string_view star_name;
  while (name.front() != 0) {
    const auto label = first_label(pattern);
    const auto text = first_label(name);
    if (label == kAnyLabels) {
      pattern.remove_prefix(label.size());
      behind_star = pattern;
      star_name = name;
    } else if (pattern.front() != 0 && glob(label.substr(1), text.substr(1))) {
      pattern.remove_prefix(label.size());
      name.remove_prefix(text.size());
    } else if (behind_star) {
      star_name.remove_prefix(first_label(star_name).size());
      pattern = *behind_star;
      name = star_name;
    } else {
      return false;
    }
  }
  while (first_label(pattern) == kAnyLabels) pattern.remove_prefix(kAnyLabels.size());
  return pattern.front() == 0;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > Name::kMaxLabelBytes) return false;
  if (label.find_first_of("[]{}\\") != kNone) return false;
  return label == "**" || label.find("**") == kNone;
}

}  // namespace

std::optional<Pattern> Pattern::parse(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.back() == '.' || text.size() + 2 > Name::kMaxBytes) return std::nullopt;
  Pattern pattern;
  pattern.text_ = text;
  for (char& c : pattern.text_) c = static_cast<char>(lower(static_cast<uint8_t>(c)));
  std::string_view rest = pattern.text_;
  size_t fixed_from = 0;
  while (!rest.empty()) {
    const auto label = rest.substr(0, rest.find('.'));
    if (!is_label(label)) return std::nullopt;
    rest.remove_prefix(std::min(rest.size(), label.size() + 1));
    pattern.labels_ += static_cast<char>(label.size());
    pattern.labels_ += label;
    if (has_wildcard(label)) fixed_from = pattern.labels_.size();
  }
  pattern.labels_ += '\0';
  pattern.fixed_suffix_ = pattern.labels_.substr(fixed_from);
  pattern.has_wildcard_ = fixed_from != 0;
  return pattern;
}

bool Pattern::matches_lowered(const Name& lowered) const {
  const auto name = lowered.wire_text();
  const std::string_view labels = labels_;
  if (!has_wildcard_) return labels == name;
  if (match_labels(labels, name)) return true;
  return first_label(labels) == kAnyFirstLabel &&
         match_labels(labels.substr(kAnyFirstLabel.size()), name);
}

std::strong_ordering operator<=>(const Pattern& a, const Pattern& b) {
  const std::string_view x = a.text_;
  const std::string_view y = b.text_;
  const auto [at_x, at_y] = std::mismatch(x.rbegin(), x.rend(), y.rbegin(), y.rend());
  const bool is_x_over = at_x == x.rend();
  const bool is_y_over = at_y == y.rend();
  if (is_x_over && is_y_over) return std::strong_ordering::equal;
  // The shorter one first; every literal, and the end, before `?`, and that before `*`.
  const auto rank = [](bool is_over, char c) {
    if (is_over) return 0;
    return c == '*' ? 3 : c == '?' ? 2 : 1;
  };
  const int rank_x = rank(is_x_over, is_x_over ? '\0' : *at_x);
  const int rank_y = rank(is_y_over, is_y_over ? '\0' : *at_y);
  if (rank_x != rank_y) return rank_x <=> rank_y;
  // Two literals: any order will do, as both rarely match. This one is the spec's example.
  return static_cast<uint8_t>(*at_y) <=> static_cast<uint8_t>(*at_x);
}

}  // namespace connlib::dns
