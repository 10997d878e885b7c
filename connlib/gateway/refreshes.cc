#include "connlib/gateway/refreshes.h"

#include "connlib/gateway/limits.h"

namespace connlib::gateway {

void Refreshes::set(const std::string& domain, ResolutionWaiter waiter, Timestamp at) {
  const auto known = by_domain_.find(domain);
  if (known != by_domain_.end()) {
    by_time_.erase({known->second.at, domain});
  } else if (by_domain_.size() >= capacity_) {
    return;
  }
  by_domain_.insert_or_assign(domain, Entry{std::move(waiter), at});
  by_time_.emplace(at, domain);
}

void Refreshes::clear() {
  by_domain_.clear();
  by_time_.clear();
}

std::vector<ResolutionWaiter> Refreshes::take_due(
    Timestamp now, absl::FunctionRef<bool(const ResolutionWaiter&)> is_used) {
  std::vector<ResolutionWaiter> due;
  while (next_at() <= now) {
    const std::string domain = by_time_.begin()->second;
    const auto found = by_domain_.find(domain);
    if (!is_used(found->second.waiter)) {
      by_time_.erase(by_time_.begin());
      by_domain_.erase(found);
      continue;
    }
    due.push_back(found->second.waiter);
    set(domain, due.back(), now + kRefreshRetry);
  }
  return due;
}

}  // namespace connlib::gateway
