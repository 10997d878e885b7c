#pragma once

#include <algorithm>

#include "connlib/base/timestamp.h"

namespace connlib::portal::server {

// Ours. Reference clients ask at most every two seconds for each resource, and for all of them at
// once after roaming.
inline constexpr int kMaxRequestBurst = 256;
inline constexpr Duration kRequestInterval = 25ms;

// RequestAllowance is how often one peer may still ask for what costs more than its question: an
// authorization, an `init`, relays. A token bucket, full at first.
class RequestAllowance {
 public:
  bool take(Timestamp now) {
    const Timestamp full_since = std::max(full_at_, now);
    if (full_since > now + kRequestInterval * (kMaxRequestBurst - 1)) return false;
    full_at_ = full_since + kRequestInterval;
    return true;
  }

 private:
  Timestamp full_at_{};  // When the bucket is full again.
};

}  // namespace connlib::portal::server
