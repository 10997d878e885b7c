#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/model/ids.h"

namespace connlib::client {

// Authorizations knows who serves what: for each resource the gateway that the portal granted, and
// for each pool the clients. They end with the resource or with the connection; nothing here
// reconnects, the next packet asks again (spec tunnel 2.7: failover is the next packet).
class Authorizations {
 public:
  // grant() gives `resource` to `gateway`, and says which gateway served it until this moment, if
  // that was another one.
  std::optional<GatewayId> grant(const ResourceId& resource, const GatewayId& gateway);

  // revoke() takes the resource from whoever serves it, and says who that was.
  std::optional<GatewayId> revoke(const ResourceId& resource);

  // lose_gateway() forgets everything `gateway` served: these resources, by id.
  std::vector<ResourceId> lose_gateway(const GatewayId& gateway);

  // Looked up per packet. Null when nobody serves it; good until the next change.
  const GatewayId* gateway_of(const ResourceId& resource) const;
  bool serves_anything(const GatewayId& gateway) const { return by_gateway_.contains(gateway); }

  // previous_gateway() is who served the resource last, even if that has ended; null if nobody
  // ever did. forget_previous() is for resources that are gone.
  const GatewayId* previous_gateway(const ResourceId& resource) const;
  void forget_previous(const ResourceId& resource) { previous_.erase(resource); }

  // Devices: (pool, client) pairs.
  void grant_device(const ResourceId& pool, const ClientId& client);
  bool is_device_granted(const ResourceId& pool, const ClientId& client) const;
  void revoke_device(const ResourceId& pool, const ClientId& client);
  void revoke_pool(const ResourceId& pool);
  void lose_client(const ClientId& client);

  size_t size() const { return by_resource_.size(); }
  uint64_t version() const { return version_; }  // Counts changes of gateway_of().

 private:
  absl::flat_hash_map<ResourceId, GatewayId> by_resource_;  // Lookup only.
  std::map<GatewayId, std::set<ResourceId>> by_gateway_;
  absl::flat_hash_map<ResourceId, GatewayId> previous_;  // Lookup only.
  std::set<std::pair<ResourceId, ClientId>> devices_;
  uint64_t version_ = 0;
};

}  // namespace connlib::client
