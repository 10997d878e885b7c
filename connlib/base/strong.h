#pragma once

#include <compare>
#include <functional>
#include <utility>

namespace connlib {

// Strong<Tag, Value> is a value with a name: explicit in, .value() out, comparable, no arithmetic.
template <typename Tag, typename Value>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(Value value) : value_(std::move(value)) {}
  constexpr const Value& value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Strong& s) {
    return H::combine(std::move(h), s.value_);
  }

 private:
  Value value_{};
};

}  // namespace connlib
