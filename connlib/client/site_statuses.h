#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/model/ids.h"
#include "connlib/model/site.h"

namespace connlib::client {

enum class Status : uint8_t { kUnknown, kOnline, kOffline };

constexpr std::string_view to_text(Status status) {
  switch (status) {
    case Status::kUnknown:
      return "unknown";
    case Status::kOnline:
      return "online";
    case Status::kOffline:
      return "offline";
  }
  return "unknown";
}

// SiteStatuses remembers what we last learnt of each site: a connection to one of its gateways
// stands, or the portal said that none is online. The latter is forgotten after 5 minutes (spec
// tunnel 2.8): nobody tells us when a site comes back.
//
// It holds only sites that are not unknown, so it grows no further than what the portal lists.
class SiteStatuses {
 public:
  void handle_connected(const SiteId& site) { known_[site] = {Status::kOnline}; }
  void handle_offline(const SiteId& site, Timestamp now);
  void handle_connection_lost(const SiteId& site) { known_.erase(site); }

  // handle_timeout() says whether a status changed.
  bool handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;

  Status of(const SiteId& site) const;
  // A resource is online if one of its sites is, offline if all are.
  Status of(std::span<const Site> sites) const;

  size_t size() const { return known_.size(); }

 private:
  struct Known {
    Status status = Status::kUnknown;
    Timestamp until = Timestamp::never();
  };
  std::map<SiteId, Known> known_;
};

}  // namespace connlib::client
