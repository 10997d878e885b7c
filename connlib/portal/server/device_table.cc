#include "connlib/portal/server/device_table.h"

#include <iterator>

#include "connlib/model/addressing.h"
#include "connlib/portal/server/uuid.h"

namespace connlib::portal::server {
namespace {

uint32_t low_bits(const uint8_t* last_four) {
  uint32_t out = 0;
  for (size_t i = 0; i < 4; ++i) out = out << 8 | last_four[i];
  return out % kTunnelHosts;
}

void add_host(uint8_t* last_four, uint32_t host) {
  for (size_t i = 4; i-- > 0; host >>= 8) last_four[i] |= static_cast<uint8_t>(host & 0xff);
}

}  // namespace

TunnelAddresses addresses_of_host(uint32_t host) {
  TunnelAddresses out{{{100, 64, 0, 0}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11}}};
  add_host(out.ipv4.bytes.data(), host % kTunnelHosts);
  add_host(&out.ipv6.bytes[12], host % kTunnelHosts);
  return out;
}

std::optional<uint32_t> host_of(const TunnelAddresses& addresses) {
  const uint32_t host = low_bits(addresses.ipv4.bytes.data());
  if (host == 0 || !(addresses_of_host(host) == addresses)) return std::nullopt;
  return host;
}

bool DeviceTable::restore(DeviceRow row) {
  const auto host = host_of(row.addresses);
  Name name(row.owner, row.external_id);
  if (!host || hosts_.contains(*host) || rows_.contains(row.id) || by_name_.contains(name)) {
    return false;
  }
  hosts_.insert(*host);
  by_name_.emplace(std::move(name), row.id);
  const DeviceId id = row.id;
  rows_.emplace(id, std::move(row));
  return true;
}

size_t DeviceTable::count_of(const DeviceOwner& owner) const {
  size_t count = 0;
  for (auto at = by_name_.lower_bound({owner, std::string()});
       at != by_name_.end() && at->first.first == owner; ++at) {
    ++count;
  }
  return count;
}

// The number behind the highest, so that an address that was given up rests as long as possible;
// then the lowest gap. 0 is the network itself.
std::optional<uint32_t> DeviceTable::free_host() const {
  const uint32_t next = hosts_.empty() ? 1 : *hosts_.rbegin() + 1;
  if (next < kTunnelHosts) return next;
  uint32_t candidate = 1;
  for (const uint32_t host : hosts_) {
    if (host != candidate) return candidate;
    ++candidate;
  }
  return std::nullopt;
}

const DeviceRow* DeviceTable::add(Newcomer newcomer) {
  const auto host = free_host();
  if (!host || count_of(newcomer.owner) >= kMaxDevicesPerOwner) return nullptr;
  DeviceRow row{.id = DeviceId(make_uuid(*random_)),
                .owner = std::move(newcomer.owner),
                .external_id = std::move(newcomer.external_id),
                .name = std::move(newcomer.name),
                .addresses = addresses_of_host(*host),
                .psk_base = {},
                .is_verified = false,
                .hardware = std::move(newcomer.hardware)};
  random_->fill(row.psk_base.mutable_bytes());
  const DeviceId id = row.id;
  return restore(std::move(row)) ? find(id) : nullptr;
}

const DeviceRow* DeviceTable::find(const DeviceId& id) const {
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

const DeviceRow* DeviceTable::find(const DeviceOwner& owner, const std::string& external_id) const {
  const auto found = by_name_.find({owner, external_id});
  return found == by_name_.end() ? nullptr : find(found->second);
}

bool DeviceTable::set_verified(const DeviceId& id, bool is_verified) {
  const auto found = rows_.find(id);
  if (found == rows_.end() || found->second.is_verified == is_verified) return false;
  found->second.is_verified = is_verified;
  return true;
}

bool DeviceTable::remove(const DeviceId& id) {
  const auto found = rows_.find(id);
  if (found == rows_.end()) return false;
  const DeviceRow& row = found->second;
  if (const auto host = host_of(row.addresses)) hosts_.erase(*host);
  by_name_.erase({row.owner, row.external_id});
  rows_.erase(found);
  return true;
}

}  // namespace connlib::portal::server
