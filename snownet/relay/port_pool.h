#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "connlib/base/random_source.h"

namespace connlib::snownet::relay {

// PortPool gives out ports of one range, uniformly at random among the free ones (RFC 8656 §7.2
// asks for ports that cannot be guessed). Every call costs O(1).
class PortPool {
 public:
  // `lowest` ≤ `highest`; `reserved` is never given out.
  PortPool(uint16_t lowest, uint16_t highest, uint16_t reserved);

  std::optional<uint16_t> take(RandomSource& random);
  std::optional<uint16_t> take_even(RandomSource& random);  // For EVEN-PORT.
  void give_back(uint16_t port);                            // One that take() gave.

  size_t free() const { return pools_[0].size() + pools_[1].size(); }
  size_t free_even() const { return pools_[0].size(); }
  bool contains(uint16_t port) const { return port >= lowest_ && port <= highest_; }

 private:
  using Ports = std::vector<uint16_t>;
  static uint16_t take_at(Ports& ports, size_t index);

  uint16_t lowest_;
  uint16_t highest_;
  std::array<Ports, 2> pools_;  // Even, odd.
};

}  // namespace connlib::snownet::relay
