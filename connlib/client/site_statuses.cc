#include "connlib/client/site_statuses.h"

#include <algorithm>

#include "connlib/client/limits.h"

namespace connlib::client {

void SiteStatuses::handle_offline(const SiteId& site, Timestamp now) {
  known_[site] = {Status::kOffline, now + kOfflineSiteMemory};
}

bool SiteStatuses::handle_timeout(Timestamp now) {
  return std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; }) > 0;
}

Wakeup SiteStatuses::poll_timeout() const {
  Wakeup next;
  for (const auto& [site, known] : known_) {
    next = earliest(next, Wakeup{known.until, "forget that a site is offline"});
  }
  return next;
}

Status SiteStatuses::of(const SiteId& site) const {
  const auto known = known_.find(site);
  return known == known_.end() ? Status::kUnknown : known->second.status;
}

Status SiteStatuses::of(std::span<const Site> sites) const {
  const auto are = [&](Status status) {
    return [this, status](const Site& site) { return of(site.id) == status; };
  };
  if (std::any_of(sites.begin(), sites.end(), are(Status::kOnline))) return Status::kOnline;
  if (!sites.empty() && std::all_of(sites.begin(), sites.end(), are(Status::kOffline))) {
    return Status::kOffline;
  }
  return Status::kUnknown;
}

}  // namespace connlib::client
