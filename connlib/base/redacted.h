#pragma once

#include <string>
#include <utility>

namespace connlib {

// Redacted<T> carries an address or name through code that logs. to_text() gives a placeholder;
// reveal() is the conscious act (debug level and below).
template <typename T>
class Redacted {
 public:
  explicit Redacted(T value) : value_(std::move(value)) {}
  const T& reveal() const { return value_; }
  friend std::string to_text(const Redacted&) { return "<redacted>"; }

 private:
  T value_;
};

}  // namespace connlib
