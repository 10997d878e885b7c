#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connlib/model/resource.h"
#include "connlib/portal/interface_config.h"

namespace connlib::portal {

// PoolDevice is one member of a static device pool.
struct PoolDevice {
  ClientId client_id;
  TunnelAddresses addresses;
  friend bool operator==(const PoolDevice&, const PoolDevice&) = default;
};

// StaticDevicePool is a list of other people's devices that may be reached.
struct StaticDevicePool {
  ResourceId id;
  std::string name;
  std::vector<PoolDevice> devices;
  std::vector<Filter> filters;
  friend bool operator==(const StaticDevicePool&, const StaticDevicePool&) = default;
};

// DynamicDevicePool finds its members by name.
struct DynamicDevicePool {
  ResourceId id;
  std::string name;
  std::string pattern;
  friend bool operator==(const DynamicDevicePool&, const DynamicDevicePool&) = default;
};

// ClientResource is whatever a client may be told that its user can reach (spec 2.5).
using ClientResource = std::variant<Resource, StaticDevicePool, DynamicDevicePool>;

const ResourceId& id_of(const ClientResource& resource);

}  // namespace connlib::portal
