#include "connlib/client/device_pools.h"

#include <algorithm>
#include <iterator>
#include <variant>

namespace connlib::client {
namespace {

template <typename T>
std::vector<T> sorted(std::vector<T> items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

}  // namespace

PoolEdit pool_edit(const StaticDevicePool& before, const StaticDevicePool& after) {
  const std::vector<PoolMember> old_members = sorted(before.members);
  const std::vector<PoolMember> new_members = sorted(after.members);
  PoolEdit edit;
  std::ranges::set_difference(old_members, new_members, std::back_inserter(edit.left));
  std::ranges::set_difference(new_members, old_members, std::back_inserter(edit.joined));
  edit.are_filters_changed = sorted(before.filters) != sorted(after.filters);
  return edit;
}

const PoolMember* pool_member_at(const StaticDevicePool& pool, const IpAddress& address) {
  const auto member = std::find_if(pool.members.begin(), pool.members.end(), [&](const auto& m) {
    return IpAddress(m.ipv4) == address || IpAddress(m.ipv6) == address;
  });
  return member == pool.members.end() ? nullptr : &*member;
}

std::vector<std::string> pool_names_of(const ResourceList& resources, const ClientId& client) {
  std::vector<std::string> out;
  for (const auto& [id, listed] : resources.all()) {
    const auto* pool = std::get_if<StaticDevicePool>(&listed);
    if (pool == nullptr) continue;
    const auto is_client = [&](const PoolMember& member) { return member.client == client; };
    if (std::any_of(pool->members.begin(), pool->members.end(), is_client)) {
      out.push_back(pool->name);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace connlib::client
