#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include "connlib/base/ip.h"
#include "connlib/base/strong.h"
#include "connlib/model/filter.h"
#include "connlib/model/ids.h"
#include "connlib/packet/protocol.h"
#include "connlib/routing/packet_filter.h"
#include "connlib/routing/prefix_table.h"
#include "connlib/routing/result_cache.h"
#include "connlib/routing/specificity.h"

namespace connlib::routing {

// RouteMatch is the resource that a packet belongs to, and whether its filters let the packet pass.
struct RouteMatch {
  const ResourceId* resource = nullptr;  // Good until the next change of the table.
  bool is_permitted = false;
};

// RouteTable maps networks to sets of resources: several may own the same address (spec tunnel
// 2.3). Of all that contain an address find() chooses, best first,
//   1. one whose filters permit the protocol, so that resources with different ports complement
//      each other,
//   2. the one with the more specific DNS pattern,
//   3. the longer network,
//   4. the higher resource id.
// Where nothing permits, the best rejecting one is the answer. The choice does not depend on the
// order of changes.
//
// Lookups allocate nothing and change only a cache of results. Thread-compatible.
class RouteTable {
 public:
  static constexpr size_t kMaxRoutes = size_t{1} << 20;
  static constexpr size_t kMaxRoutesPerNetwork = 256;  // Ours: each is looked at, packet by packet.

  // set_filters() adds the resource, or changes what it permits.
  void set_filters(const ResourceId& resource, std::span<const Filter> filters);
  bool contains(const ResourceId& resource) const { return by_id_.contains(resource); }
  size_t resource_count() const { return by_id_.size(); }

  // add_route() leads `network` to `resource`, which has filters. With a `pattern`, it is a DNS
  // resource's. The same network with another pattern counts once, by the more specific of them.
  // False, and nothing changed, for an unknown resource and at one of the limits.
  bool add_route(const IpPrefix& network, const ResourceId& resource,
                 std::string_view pattern = {});

  // remove_routes() keeps the resource and its filters, remove() forgets it with all its routes.
  void remove_routes(const ResourceId& resource);
  void remove(const ResourceId& resource);

  std::optional<RouteMatch> find(const IpAddress& address, const ClassifiedProtocol& protocol);

  // has_route() ignores filters.
  bool has_route(const IpAddress& address) const noexcept;

 private:
  using ResourceIndex = uint32_t;
  using SetIndex = Strong<struct SetIndexTag, uint32_t>;

  struct Entry {
    ResourceId id;
    PacketFilter filter = PacketFilter::permit_nothing();
    std::vector<IpPrefix> networks{};
  };
  struct Route {
    ResourceIndex resource = 0;
    Specificity specificity;
  };
  using Set = absl::InlinedVector<Route, 1>;
  struct Key {
    IpAddress address;
    ClassifiedProtocol protocol;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      h = H::combine(std::move(h), key.address, key.protocol.index());
      if (const auto* known = std::get_if<Protocol>(&key.protocol)) {
        return H::combine(std::move(h), *known);
      }
      return H::combine(std::move(h), *std::get_if<UnsupportedProtocol>(&key.protocol));
    }
  };
  struct Choice {
    ResourceIndex resource = kNoResource;
    bool is_permitted = false;
  };
  static constexpr ResourceIndex kNoResource = ~ResourceIndex{0};

  std::optional<ResourceIndex> index_of(const ResourceId& resource) const;
  Choice choose(const IpAddress& address, const ClassifiedProtocol& protocol) const noexcept;
  SetIndex allocate_set();

  PrefixTable<SetIndex> networks_{kMaxRoutes};
  std::vector<Set> sets_;
  std::vector<SetIndex> free_sets_;
  size_t route_count_ = 0;
  std::vector<Entry> resources_;
  std::vector<ResourceIndex> free_resources_;
  absl::flat_hash_map<ResourceId, ResourceIndex> by_id_;  // Lookups only.
  ResultCache<Key, Choice> cache_;
};

}  // namespace connlib::routing
