#include "snownet/relay/allocation_table.h"

#include <algorithm>

#include "connlib/base/check.h"
#include "snownet/relay/limits.h"
#include "snownet/relay/source_prefix.h"

namespace connlib::snownet::relay {

AllocationTable::AllocationTable(uint16_t lowest_port, uint16_t highest_port)
    : lowest_port_(lowest_port), by_port_(highest_port - lowest_port + size_t{1}, kNone) {}

AllocationId AllocationTable::add(std::unique_ptr<Allocation> allocation) {
  uint32_t place = 0;
  if (free_allocations_.empty()) {
    place = static_cast<uint32_t>(allocations_.size());
    allocations_.emplace_back();
  } else {
    place = free_allocations_.back();
    free_allocations_.pop_back();
  }
  const Allocation& added = *allocation;
  const bool is_new = by_client_.emplace(added.client, place).second;
  uint32_t& at_port = by_port_[added.port - lowest_port_];
  CONNLIB_CHECK(is_new && at_port == kNone);
  at_port = place;
  by_user_[added.username].emplace_back(place);
  ++by_source_[source_prefix(added.client.ip)];
  allocation_deadlines_.set(place, added.expires_at);
  allocations_[place] = std::move(allocation);
  return AllocationId(place);
}

std::unique_ptr<Allocation> AllocationTable::remove(AllocationId id) {
  while (!(*this)[id].channels.empty()) forget((*this)[id].channels.back());
  std::unique_ptr<Allocation> removed = std::move(allocations_[id.value()]);
  by_client_.erase(removed->client);
  by_port_[removed->port - lowest_port_] = kNone;
  const auto user = by_user_.find(removed->username);
  user->second.erase(std::find(user->second.begin(), user->second.end(), id));
  if (user->second.empty()) by_user_.erase(user);
  const auto source = by_source_.find(source_prefix(removed->client.ip));
  if (--source->second == 0) by_source_.erase(source);
  allocation_deadlines_.set(id.value(), Timestamp::never());
  free_allocations_.push_back(id.value());
  return removed;
}

void AllocationTable::move_to_port(AllocationId id, uint16_t port) {
  uint32_t& at_port = by_port_[port - lowest_port_];
  CONNLIB_CHECK(at_port == kNone);
  by_port_[(*this)[id].port - lowest_port_] = kNone;
  at_port = id.value();
  (*this)[id].port = port;
}

void AllocationTable::set_expiry(AllocationId id, Timestamp expires_at) {
  (*this)[id].expires_at = expires_at;
  allocation_deadlines_.set(id.value(), expires_at);
}

std::optional<AllocationId> AllocationTable::find(const SocketAddress& client) const {
  const auto it = by_client_.find(client);
  if (it == by_client_.end()) return std::nullopt;
  return AllocationId(it->second);
}

std::optional<AllocationId> AllocationTable::find(uint16_t port) const {
  const size_t index = size_t{port} - lowest_port_;  // Wraps below the range.
  if (index >= by_port_.size() || by_port_[index] == kNone) return std::nullopt;
  return AllocationId(by_port_[index]);
}

size_t AllocationTable::count_of_source(const IpAddress& source_prefix) const {
  const auto it = by_source_.find(source_prefix);
  return it == by_source_.end() ? 0 : it->second;
}

std::vector<AllocationId> AllocationTable::of_user(std::string_view username) const {
  const auto it = by_user_.find(username);
  return it == by_user_.end() ? std::vector<AllocationId>() : it->second;
}

ChannelId AllocationTable::add_channel(AllocationId id, stun::ChannelNumber number,
                                       const SocketAddress& peer, Timestamp expires_at) {
  uint32_t place = 0;
  if (free_channels_.empty()) {
    place = static_cast<uint32_t>(channels_.size());
    channels_.emplace_back();
  } else {
    place = free_channels_.back();
    free_channels_.pop_back();
  }
  Allocation& allocation = (*this)[id];
  channels_[place] = {id, number, true, peer, expires_at, allocation.channels.size()};
  allocation.channels.emplace_back(place);
  const bool is_new = channel_by_number_.emplace(NumberKey(id.value(), number), place).second &&
                      channel_by_peer_.emplace(PeerKey(id.value(), peer), place).second;
  CONNLIB_CHECK(is_new);
  channel_deadlines_.set(place, expires_at);
  ++bound_channels_;
  return ChannelId(place);
}

void AllocationTable::rebind(ChannelId id, Timestamp expires_at) {
  Channel& channel = channels_[id.value()];
  if (!channel.is_bound) ++bound_channels_;
  channel.is_bound = true;
  channel.expires_at = expires_at;
  channel_deadlines_.set(id.value(), expires_at);
}

void AllocationTable::cool_down(ChannelId id) {
  Channel& channel = channels_[id.value()];
  CONNLIB_CHECK(channel.is_bound);
  channel.is_bound = false;
  --bound_channels_;
  channel_deadlines_.set(id.value(), channel.expires_at + kChannelCooldown);
}

void AllocationTable::forget(ChannelId id) {
  const Channel& channel = channels_[id.value()];
  if (channel.is_bound) --bound_channels_;
  auto& siblings = (*this)[channel.allocation].channels;
  channels_[siblings.back().value()].position = channel.position;
  siblings[channel.position] = siblings.back();
  siblings.pop_back();
  channel_by_number_.erase(NumberKey(channel.allocation.value(), channel.number));
  channel_by_peer_.erase(PeerKey(channel.allocation.value(), channel.peer));
  channel_deadlines_.set(id.value(), Timestamp::never());
  free_channels_.push_back(id.value());
}

std::optional<ChannelId> AllocationTable::find(AllocationId id, stun::ChannelNumber number) const {
  const auto it = channel_by_number_.find(NumberKey(id.value(), number));
  if (it == channel_by_number_.end()) return std::nullopt;
  return ChannelId(it->second);
}

std::optional<ChannelId> AllocationTable::find(AllocationId id, const SocketAddress& peer) const {
  const auto it = channel_by_peer_.find(PeerKey(id.value(), peer));
  if (it == channel_by_peer_.end()) return std::nullopt;
  return ChannelId(it->second);
}

bool AllocationTable::is_consistent() const {
  size_t allocations = 0;
  size_t channels = 0;
  size_t bound = 0;
  for (uint32_t place = 0; place < allocations_.size(); ++place) {
    if (allocations_[place] == nullptr) continue;
    if (!is_consistent(AllocationId(place))) return false;
    ++allocations;
    channels += allocations_[place]->channels.size();
    for (const ChannelId id : allocations_[place]->channels) bound += (*this)[id].is_bound;
  }
  size_t of_users = 0;
  for (const auto& [name, ids] : by_user_) of_users += ids.size();
  const auto ports = static_cast<size_t>(
      std::count_if(by_port_.begin(), by_port_.end(), [](uint32_t id) { return id != kNone; }));
  return allocations == by_client_.size() && allocations == ports && allocations == of_users &&
         allocations + free_allocations_.size() == allocations_.size() &&
         channels == channel_by_number_.size() && channels == channel_by_peer_.size() &&
         channels + free_channels_.size() == channels_.size() && bound == bound_channels_;
}

bool AllocationTable::is_consistent(AllocationId id) const {
  const Allocation& allocation = (*this)[id];
  if (find(allocation.client) != id || find(allocation.port) != id) return false;
  for (size_t i = 0; i < allocation.channels.size(); ++i) {
    const ChannelId channel_id = allocation.channels[i];
    const Channel& channel = (*this)[channel_id];
    if (channel.allocation != id || channel.position != i) return false;
    if (find(id, channel.number) != channel_id || find(id, channel.peer) != channel_id)
      return false;
  }
  return true;
}

}  // namespace connlib::snownet::relay
