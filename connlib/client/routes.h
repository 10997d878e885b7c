#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"
#include "connlib/model/device_pool.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"
#include "connlib/packet/protocol.h"
#include "connlib/routing/route_table.h"

namespace connlib::client {

// Route is where a packet belongs. Pointers are good until the next change of the routes.
struct Route {
  enum class Kind : uint8_t { kDevice, kDns, kCidr, kInternet };
  Kind kind = Kind::kCidr;
  const ResourceId* resource = nullptr;
  const ClientId* device = nullptr;  // Of kDevice: which member of the pool.
  bool is_permitted = false;         // By the filters of the resource.
};

// Routes finds the resource of a packet in three tables, one after the other (spec tunnel 2.3):
// members of static pools, proxies of DNS resources, networks. What none of them knows belongs to
// the Internet resource while that is active, but for addresses of peers.
//
// DNS before networks: a network that covers the range of proxies must not take what belongs to
// names (lesson 5c1f5e1ece).
class Routes {
 public:
  void add(const Resource& resource);
  void add(const StaticDevicePool& pool);
  void remove(const ResourceId& id);

  // add_proxy() leads one proxy address of a name to a DNS resource that add() knows.
  void add_proxy(const ResourceId& resource, const IpAddress& proxy, std::string_view pattern);

  void set_internet(std::optional<ResourceId> resource) {
    ++version_;
    internet_ = std::move(resource);
  }
  const std::optional<ResourceId>& internet() const { return internet_; }

  std::optional<Route> find(const IpAddress& destination,
                            const ClassifiedProtocol& protocol) noexcept;

  // has_network() is whether any CIDR resource contains the address, whatever its filters.
  bool has_network(const IpAddress& address) const noexcept { return networks_.has_route(address); }

  uint64_t version() const { return version_; }  // Counts changes of what find() gives.

 private:
  using Device = std::pair<ResourceId, IpAddress>;

  routing::RouteTable devices_;
  routing::RouteTable proxies_;
  routing::RouteTable networks_;
  absl::flat_hash_map<Device, ClientId> members_;  // Lookup only.
  std::optional<ResourceId> internet_;
  uint64_t version_ = 0;
};

}  // namespace connlib::client
