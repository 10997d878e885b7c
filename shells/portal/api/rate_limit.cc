#include "shells/portal/api/rate_limit.h"

#include <algorithm>

namespace connlib::portald {

bool RateLimit::allows(const std::string& name, Timestamp now) {
  auto found = full_at_.find(name);
  if (found == full_at_.end()) {
    if (full_at_.size() >= kMaxNames) {
      std::erase_if(full_at_, [now](const auto& each) { return each.second <= now; });
      if (full_at_.size() >= kMaxNames) return false;
    }
    found = full_at_.emplace(name, now).first;
  }
  const Timestamp used = std::max(found->second, now) + interval_;
  if (used - now > interval_ * static_cast<int64_t>(burst_)) return false;
  found->second = used;
  return true;
}

}  // namespace connlib::portald
