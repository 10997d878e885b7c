#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <utility>

#include "connlib/base/random_source.h"

namespace connlib::snownet::stun {

// TransactionId names one request and its retransmissions (RFC 8489 §5). It also masks IPv6
// addresses, and it is what an off-path attacker has to guess: always drawn whole.
struct TransactionId {
  std::array<uint8_t, 12> bytes{};

  static TransactionId random(RandomSource& random) { return {random.bytes<12>()}; }

  friend constexpr auto operator<=>(const TransactionId&, const TransactionId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const TransactionId& id) {
    return H::combine(std::move(h), id.bytes);
  }
};

}  // namespace connlib::snownet::stun
