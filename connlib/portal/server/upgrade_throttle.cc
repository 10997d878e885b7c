#include "connlib/portal/server/upgrade_throttle.h"

#include <algorithm>
#include <string_view>

#include "wireguard/crypto/hash.h"

namespace connlib::portal::server {

bool UpgradeThrottle::admit(Timestamp now, const IpAddress& source, const SecretText& token) {
  last_now_ = std::max(last_now_, now);
  while (!admitted_.empty() && admitted_.front().first + kUpgradeInterval <= last_now_) {
    recent_.erase(admitted_.front().second);
    admitted_.pop_front();
  }
  if (admitted_.size() >= kMaxThrottledUpgrades) return false;
  const std::string_view text = token.reveal();
  const Key key = wireguard::sha256(
      {source.bytes(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()}});
  if (!recent_.insert(key).second) return false;
  admitted_.emplace_back(last_now_, key);
  return true;
}

}  // namespace connlib::portal::server
