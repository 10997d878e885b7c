#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/client/resource_list.h"
#include "connlib/model/device_pool.h"

namespace connlib::client {

// PoolEdit is what differs between two states of one static pool (spec tunnel 2.2). A member whose
// address changed has left with the old and joined with the new one.
struct PoolEdit {
  std::vector<PoolMember> left{};
  std::vector<PoolMember> joined{};
  bool are_filters_changed = false;
};
PoolEdit pool_edit(const StaticDevicePool& before, const StaticDevicePool& after);

// pool_member_at() is the member of `pool` that has `address`, or null.
const PoolMember* pool_member_at(const StaticDevicePool& pool, const IpAddress& address);

// pool_names_of() is in which static pools `client` is, by name: sorted, for people.
std::vector<std::string> pool_names_of(const ResourceList& resources, const ClientId& client);

}  // namespace connlib::client
