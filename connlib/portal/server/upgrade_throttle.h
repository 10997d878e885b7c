#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <utility>

#include "connlib/base/ip.h"
#include "connlib/base/secret_text.h"
#include "connlib/base/timestamp.h"

namespace connlib::portal::server {

inline constexpr Duration kUpgradeInterval = 1s;           // Spec portal-protocol 1.6.
inline constexpr size_t kMaxThrottledUpgrades = 64 << 10;  // Ours: of one interval.

// UpgradeThrottle admits one upgrade a second for each pair of address and token, so that guessing
// tokens and reconnecting in a loop stay cheap. Of tokens it keeps hashes, for a second.
class UpgradeThrottle {
 public:
  // False: answer kRateLimit. Also when more upgrades than the limit were admitted in the last
  // second.
  bool admit(Timestamp now, const IpAddress& source, const SecretText& token);

 private:
  using Key = std::array<uint8_t, 32>;
  std::set<Key> recent_;
  std::deque<std::pair<Timestamp, Key>> admitted_;  // Oldest first.
  Timestamp last_now_;
};

}  // namespace connlib::portal::server
