#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/deadline_heap.h"
#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "snownet/relay/allocation.h"

namespace connlib::snownet::relay {

// AllocationTable keeps allocations and their channels, found by everything the protocol finds them
// by, and their deadlines. One index serves bound and cooling-down channels alike, so that a
// re-bound channel cannot be missing from one of several tables. Lookups allocate nothing.
class AllocationTable {
 public:
  // Ports lie in [lowest, highest]: the index by port is an array.
  AllocationTable(uint16_t lowest_port, uint16_t highest_port);

  // add() takes the allocation in; its client and port are not in use.
  AllocationId add(std::unique_ptr<Allocation> allocation);
  // remove() takes it out with all its channels.
  std::unique_ptr<Allocation> remove(AllocationId id);
  // move_to_port() gives it another port, which is not in use.
  void move_to_port(AllocationId id, uint16_t port);
  void set_expiry(AllocationId id, Timestamp expires_at);

  std::optional<AllocationId> find(const SocketAddress& client) const;
  std::optional<AllocationId> find(uint16_t port) const;
  Allocation& operator[](AllocationId id) { return *allocations_[id.value()]; }
  const Allocation& operator[](AllocationId id) const { return *allocations_[id.value()]; }
  size_t size() const { return by_client_.size(); }
  size_t count_of_source(const IpAddress& source_prefix) const;
  // The user's allocations, oldest first.
  std::vector<AllocationId> of_user(std::string_view username) const;

  // add_channel() binds; neither `number` nor `peer` is in use in the allocation.
  ChannelId add_channel(AllocationId id, stun::ChannelNumber number, const SocketAddress& peer,
                        Timestamp expires_at);
  void rebind(ChannelId id, Timestamp expires_at);
  void cool_down(ChannelId id);  // Bound no more, reserved for kChannelCooldown.
  void forget(ChannelId id);

  std::optional<ChannelId> find(AllocationId id, stun::ChannelNumber number) const;
  std::optional<ChannelId> find(AllocationId id, const SocketAddress& peer) const;
  const Channel& operator[](ChannelId id) const { return channels_[id.value()]; }
  size_t channel_count() const { return channel_by_number_.size(); }
  size_t bound_channel_count() const { return bound_channels_; }

  // The earliest deadlines. A channel's is the end of its binding, then of its cool-down.
  Timestamp next_allocation_at() const { return allocation_deadlines_.next_at(); }
  Timestamp next_channel_at() const { return channel_deadlines_.next_at(); }
  AllocationId next_allocation() const { return AllocationId(allocation_deadlines_.next_id()); }
  ChannelId next_channel() const { return ChannelId(channel_deadlines_.next_id()); }

  // Do all indices tell the same story? Slow.
  bool is_consistent() const;

 private:
  using NumberKey = std::pair<uint32_t, stun::ChannelNumber>;
  using PeerKey = std::pair<uint32_t, SocketAddress>;
  static constexpr uint32_t kNone = ~uint32_t{0};

  bool is_consistent(AllocationId id) const;

  uint16_t lowest_port_;
  std::vector<std::unique_ptr<Allocation>> allocations_;  // By id; null where free.
  std::vector<uint32_t> free_allocations_;
  std::vector<uint32_t> by_port_;  // By port - lowest_port_: the id, or kNone.
  // Hash maps are for lookup only, never iterated: their order differs from run to run.
  absl::flat_hash_map<SocketAddress, uint32_t> by_client_;
  std::map<std::string, std::vector<AllocationId>, std::less<>> by_user_;
  absl::flat_hash_map<IpAddress, uint32_t> by_source_;
  DeadlineHeap allocation_deadlines_;

  std::vector<Channel> channels_;
  std::vector<uint32_t> free_channels_;
  absl::flat_hash_map<NumberKey, uint32_t> channel_by_number_;
  absl::flat_hash_map<PeerKey, uint32_t> channel_by_peer_;
  DeadlineHeap channel_deadlines_;
  size_t bound_channels_ = 0;
};

}  // namespace connlib::snownet::relay
