#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace connlib::routing {

// Specificity orders routes by the DNS pattern they came from (spec tunnel 2.3, 3.5): the more
// specific one is less, and any pattern is less than none. Patterns compare by characters from the
// right: a literal before `?` before `*`, the shorter before the longer, case aside.
class Specificity {
 public:
  Specificity() = default;  // No pattern: a CIDR resource.
  explicit Specificity(std::string_view pattern);

  friend bool operator==(const Specificity&, const Specificity&) = default;
  friend std::strong_ordering operator<=>(const Specificity& a, const Specificity& b);

 private:
  std::string key_;  // The pattern reversed, so that less is lexicographic. Empty: none.
};

}  // namespace connlib::routing
