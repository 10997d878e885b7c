#pragma once

#include <algorithm>
#include <cstddef>

#include "connlib/base/timestamp.h"

namespace connlib::snownet::ice {

// Timing is how often a pair is checked and how long it may go unanswered.
struct Timing {
  size_t max_retransmits = 12;  // At most kMaxRetransmits.
  Duration max_rto = 1500ms;
  Duration initial_rto = 250ms;

  // The wait after the `n`-th attempt: min(initial_rto · 2^(n−1), max_rto). `n` counts from one.
  constexpr Duration delay(size_t n) const {
    Duration wait = initial_rto;
    for (size_t i = 1; i < n && wait < max_rto; ++i) wait *= 2;
    return std::min(wait, max_rto);
  }

  // How long a pair lasts that never had an answer, counted from its first check.
  constexpr Duration never_answered_timeout() const {
    Duration sum{};
    for (size_t n = 1; n <= max_retransmits; ++n) sum += delay(n);
    return sum;
  }

  // How long a healthy pair lasts once answers stop, counted from the first unanswered check. The
  // gap behind that check is still the healthy one.
  constexpr Duration answered_timeout() const {
    return never_answered_timeout() - delay(1) + max_rto;
  }

  friend constexpr bool operator==(const Timing&, const Timing&) = default;
};

inline constexpr Timing kClientDefaultTiming{12, 1500ms, 250ms};
inline constexpr Timing kClientIdleTiming{4, 25s, 25s};
inline constexpr Timing kServerDefaultTiming{45, 15s, 250ms};
inline constexpr Timing kServerIdleTiming{40, 25s, 25s};

// The attempts that a timing set may allow.
inline constexpr size_t kMaxRetransmits = 45;

// A pair without any answer counts as "still possible" for this long, whatever the role (D4).
inline constexpr Duration kPossibleFor = kClientDefaultTiming.never_answered_timeout();

static_assert(kClientDefaultTiming.answered_timeout() == 16500ms);
static_assert(kClientDefaultTiming.answered_timeout() < 20s,
              "a dead pair must be left before WireGuard gives up its handshake (20 s)");
static_assert(kPossibleFor == 15250ms);

}  // namespace connlib::snownet::ice
