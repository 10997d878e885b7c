#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "connlib/base/random_source.h"
#include "connlib/portal/server/device_row.h"

namespace connlib::portal::server {

inline constexpr size_t kMaxDevicesPerOwner = 1024;  // Ours: of one actor, of one site.
inline constexpr uint32_t kTunnelHosts = 1U << 21;   // Spec portal-protocol 2.1: a /11 and a /107.

// DeviceTable is all clients and gateways that ever connected. Each has one host number, which is
// both of its addresses: 100.64.0.0 + n and fd00:2021:1111:: + n.
class DeviceTable {
 public:
  explicit DeviceTable(RandomSource& random) : random_(&random) {}

  // restore() takes a row that was stored; false when another has its id, name or addresses, or
  // when the addresses are none of ours.
  bool restore(DeviceRow row);

  // add() makes a row with fresh addresses and secrets; null when the owner has too many devices or
  // no address is left. The owner must not have one with that external id.
  struct Newcomer {
    DeviceOwner owner;
    std::string external_id;
    std::string name;
    Login::Hardware hardware{};
  };
  const DeviceRow* add(Newcomer newcomer);

  // Null when there is none. Pointers hold until the row is removed.
  const DeviceRow* find(const DeviceId& id) const;
  const DeviceRow* find(const DeviceOwner& owner, const std::string& external_id) const;

  bool set_verified(const DeviceId& id, bool is_verified);  // False when nothing changed.
  bool remove(const DeviceId& id);
  size_t size() const { return rows_.size(); }

 private:
  using Name = std::pair<DeviceOwner, std::string>;  // Owner, external id.

  size_t count_of(const DeviceOwner& owner) const;
  std::optional<uint32_t> free_host() const;

  RandomSource* random_;
  std::map<DeviceId, DeviceRow> rows_;
  std::map<Name, DeviceId> by_name_;
  std::set<uint32_t> hosts_;
};

// The addresses of a host number below kTunnelHosts, and back.
TunnelAddresses addresses_of_host(uint32_t host);
std::optional<uint32_t> host_of(const TunnelAddresses& addresses);

}  // namespace connlib::portal::server
