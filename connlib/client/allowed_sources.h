#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "connlib/base/ip.h"
#include "connlib/model/ids.h"
#include "connlib/routing/prefix_table.h"

namespace connlib::client {

// AllowedSources is what one gateway may send us packets from (spec tunnel 2.9): the networks of
// the resources it serves. A network stays as long as one resource needs it.
class AllowedSources {
 public:
  explicit AllowedSources(size_t capacity) : table_(capacity) {}

  // allow() is false, and changes nothing, when the set is full.
  bool allow(const ResourceId& resource, const IpPrefix& network);
  void remove(const ResourceId& resource);

  bool contains(const IpAddress& source) const noexcept { return table_.find(source) != nullptr; }
  size_t size() const { return table_.size(); }

 private:
  routing::PrefixTable<uint8_t> table_;  // The value means nothing.
  std::map<ResourceId, std::set<IpPrefix>> by_resource_;
  std::map<IpPrefix, size_t> users_;  // How many resources need a network.
};

}  // namespace connlib::client
