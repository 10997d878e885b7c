#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "connlib/dns/name.h"

namespace connlib::dns {

// Pattern is the address of a DNS resource (spec tunnel 3.5): labels in which `?` stands for one
// character and `*` for any run of them, and `**` for any number of whole labels, none included. A
// leading `*.` also means the bare name behind it. Case means nothing.
class Pattern {
 public:
  // parse() reads what the portal wrote. nullopt for empty or long labels, `**` that is only a part
  // of a label, and character classes: a bracket that meant itself would surprise its author.
  static std::optional<Pattern> parse(std::string_view text);

  bool matches(const Name& name) const { return matches_lowered(name.lowered()); }
  bool matches_lowered(const Name& lowered) const;

  // What every matching name ends in: the labels behind the last one with a wildcard, in lower-case
  // wire form with the root's zero. For an index.
  std::string_view fixed_suffix() const { return fixed_suffix_; }

  // In lower case and without a last dot.
  const std::string& text() const { return text_; }

  // The more specific pattern is less: sorted, the best match comes first. Compares characters from
  // the right (spec tunnel 3.5).
  friend std::strong_ordering operator<=>(const Pattern& a, const Pattern& b);
  friend bool operator==(const Pattern& a, const Pattern& b) { return a.text_ == b.text_; }

 private:
  std::string text_;
  std::string fixed_suffix_;
  // In wire form like a name, but labels may hold wildcards.
  std::string labels_;
  bool has_wildcard_ = false;
};

}  // namespace connlib::dns
