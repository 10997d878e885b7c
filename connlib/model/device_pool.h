#pragma once

#include <string>
#include <variant>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/model/filter.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"

namespace connlib {

// PoolMember is one device of a pool: another client and its addresses inside the tunnel.
struct PoolMember {
  ClientId client;
  Ipv4Address ipv4;
  Ipv6Address ipv6;
  friend auto operator<=>(const PoolMember&, const PoolMember&) = default;
};

// StaticDevicePool is a resource made of other clients that the portal lists (spec tunnel 2.1).
struct StaticDevicePool {
  ResourceId id;
  std::string name{};
  std::vector<PoolMember> members{};
  std::vector<Filter> filters{};  // None: everything is permitted.
  friend bool operator==(const StaticDevicePool&, const StaticDevicePool&) = default;
};

// DynamicDevicePool is a resource whose members the portal finds by name, one query at a time.
struct DynamicDevicePool {
  ResourceId id;
  std::string name{};
  std::string pattern{};  // As the portal wrote it: "*.laptops.example.com".
  friend bool operator==(const DynamicDevicePool&, const DynamicDevicePool&) = default;
};

// ClientResource is whatever the portal may list to a client under one id.
using ClientResource = std::variant<Resource, StaticDevicePool, DynamicDevicePool>;

inline const ResourceId& id_of(const ClientResource& resource) {
  return std::visit([](const auto& kind) -> const ResourceId& { return kind.id; }, resource);
}

}  // namespace connlib
