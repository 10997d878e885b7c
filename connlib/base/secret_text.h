#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connlib/base/secret.h"

namespace connlib {

// SecretText is a password or token of any length: wiped by the destructor and by moving from it,
// compared in constant time, neither copyable nor printable. Copies are spelled clone().
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string_view text) : characters_(text.begin(), text.end()) {}
  ~SecretText() { wipe(as_bytes()); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&&) noexcept = default;  // A vector's buffer moves along, it is not copied.
  SecretText& operator=(SecretText&& other) noexcept {
    if (this != &other) {
      wipe(as_bytes());
      characters_ = std::exchange(other.characters_, {});
    }
    return *this;
  }

  SecretText clone() const { return SecretText(reveal()); }
  bool empty() const { return characters_.empty(); }

  // reveal() is the conscious act: for the wire, for a key derivation. Borrows from this object.
  std::string_view reveal() const { return {characters_.data(), characters_.size()}; }

  friend bool operator==(const SecretText& a, const SecretText& b) {
    return equal_constant_time(a.as_bytes(), b.as_bytes());
  }

 private:
  std::span<uint8_t> as_bytes() {
    return {reinterpret_cast<uint8_t*>(characters_.data()), characters_.size()};
  }
  std::span<const uint8_t> as_bytes() const {
    return {reinterpret_cast<const uint8_t*>(characters_.data()), characters_.size()};
  }
  std::vector<char> characters_;  // Not a string: a short one would live inside and be left behind.
};

}  // namespace connlib
