#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <absl/time/time.h>

#include "connlib/model/resource.h"
#include "connlib/portal/server/grant_row.h"

namespace connlib::portal::server {

inline constexpr size_t kMaxGrantsPerClient = 4096;  // Ours.

// Grants is every authorization that gateways were told about and that has not ended.
class Grants {
 public:
  // store() replaces the row of the same key. A client with too many loses the one that would end
  // first: it is returned.
  std::optional<GrantRow> store(GrantRow row);
  std::optional<GrantRow> remove(const GrantKey& key);

  const GrantRow* find(const GrantKey& key) const;  // Null when there is none.
  bool connects(const ClientId& client, const GatewayId& gateway) const;

  // By key. Pointers hold until the next change.
  std::vector<const GrantRow*> of_client(const ClientId& client) const;
  std::vector<const GrantRow*> on_gateway(const GatewayId& gateway) const;
  std::vector<const GrantRow*> all() const;

  // Those that ended by themselves until `date`: gateways know, nobody needs to be told.
  std::vector<GrantRow> take_expired(absl::Time date);
  std::optional<absl::Time> next_expiry() const;

  size_t size() const { return rows_.size(); }

 private:
  std::map<GrantKey, GrantRow> rows_;  // Those of one client side by side.
  std::set<std::tuple<GatewayId, ClientId, ResourceId>> by_gateway_;
  std::set<std::pair<absl::Time, GrantKey>> by_expiry_;
};

// route_of() is a text that changes with whatever makes a resource another one under the same id:
// address, IP stack, sites. Filters and names do not.
std::string route_of(const Resource& resource);

}  // namespace connlib::portal::server
