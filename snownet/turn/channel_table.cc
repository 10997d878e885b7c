#include "snownet/turn/channel_table.h"

namespace connlib::snownet::turn {
namespace {

constexpr size_t kChannels =
    size_t{stun::kLastChannel.value()} - stun::kFirstChannel.value() + 1;  // 4096

}  // namespace

const ChannelTable::Entry* ChannelTable::find(const SocketAddress& peer) const {
  const auto it = by_peer_.find(peer);
  return it == by_peer_.end() ? nullptr : &entries_[it->second];
}

ChannelTable::Entry* ChannelTable::find(const SocketAddress& peer) {
  const auto it = by_peer_.find(peer);
  return it == by_peer_.end() ? nullptr : &entries_[it->second];
}

// Whoever rotates prefers numbers that were never used over those that come free again: clocks of
// two machines differ, and a number that is reserved for a moment longer there is refused.
std::optional<size_t> ChannelTable::free_slot(Timestamp now) const {
  for (size_t i = 0; i < kChannels; ++i) {
    const size_t slot = (cursor_ + i) % kChannels;
    if (slot >= entries_.size()) return slot;
    const Entry& entry = entries_[slot];
    if (!entry.peer) return slot;
    const bool is_forgotten = entry.is_confirmed && now - entry.bound_at >= kChannelReuseAge;
    if (is_forgotten && !entry.is_being_bound && !entry.was_used) return slot;
  }
  return std::nullopt;
}

void ChannelTable::release(size_t slot) {
  if (entries_[slot].peer) by_peer_.erase(*entries_[slot].peer);
  entries_[slot] = {};
  refreshes_.set(static_cast<uint32_t>(slot), Timestamp::never());
}

std::optional<ChannelNumber> ChannelTable::number_for(Timestamp now, const SocketAddress& peer) {
  if (Entry* own = find(peer)) {
    const auto at = static_cast<size_t>(own - entries_.data());
    if (own->is_being_bound || (own->is_confirmed && now - own->bound_at < kChannelReuseAge)) {
      own->is_being_bound = true;
      refreshes_.set(static_cast<uint32_t>(at), Timestamp::never());
      return number_at(at);
    }
    release(at);
  }
  const auto slot = free_slot(now);
  if (!slot) return std::nullopt;
  if (*slot >= entries_.size()) entries_.resize(*slot + 1);
  release(*slot);
  entries_[*slot].peer = peer;
  entries_[*slot].is_being_bound = true;
  by_peer_[peer] = static_cast<uint16_t>(*slot);
  cursor_ = (*slot + 1) % kChannels;
  return number_at(*slot);
}

void ChannelTable::handle_bound(Timestamp now, ChannelNumber number) {
  if (!stun::is_valid(number) || slot(number) >= entries_.size()) return;
  Entry& entry = entries_[slot(number)];
  if (!entry.peer) return;
  entry.is_confirmed = true;
  entry.is_being_bound = false;
  entry.was_used = false;
  entry.bound_at = now;
}

void ChannelTable::remove(ChannelNumber number) {
  if (stun::is_valid(number) && slot(number) < entries_.size()) release(slot(number));
}

// The first use since the confirmation is what earns a binding its renewal.
void ChannelTable::mark_used(size_t slot) {
  Entry& entry = entries_[slot];
  if (entry.was_used) return;
  entry.was_used = true;
  if (entry.is_confirmed && !entry.is_being_bound) {
    refreshes_.set(static_cast<uint32_t>(slot), entry.bound_at + kChannelRefreshAge);
  }
}

std::optional<ChannelNumber> ChannelTable::route_to(Timestamp now, const SocketAddress& peer) {
  const Entry* entry = find(peer);
  if (entry == nullptr || !(entry->is_being_bound || is_fresh(*entry, now))) return std::nullopt;
  const auto at = static_cast<size_t>(entry - entries_.data());
  mark_used(at);
  return number_at(at);
}

std::optional<SocketAddress> ChannelTable::peer_of(ChannelNumber number) {
  if (!stun::is_valid(number) || slot(number) >= entries_.size()) return std::nullopt;
  if (!entries_[slot(number)].is_confirmed) return std::nullopt;
  mark_used(slot(number));
  return entries_[slot(number)].peer;
}

bool ChannelTable::is_being_bound(const SocketAddress& peer) const {
  const Entry* entry = find(peer);
  return entry != nullptr && entry->is_being_bound;
}

bool ChannelTable::is_bound(Timestamp now, const SocketAddress& peer) const {
  const Entry* entry = find(peer);
  return entry != nullptr && is_fresh(*entry, now);
}

std::optional<ChannelTable::Refresh> ChannelTable::take_refresh(Timestamp now) {
  if (refreshes_.next_at() > now) return std::nullopt;
  const size_t at = refreshes_.next_id();
  refreshes_.set(static_cast<uint32_t>(at), Timestamp::never());
  entries_[at].is_being_bound = true;
  return Refresh{number_at(at), *entries_[at].peer};
}

std::vector<SocketAddress> ChannelTable::peers() const {
  std::vector<SocketAddress> out;
  for (const Entry& entry : entries_) {
    if (entry.peer) out.push_back(*entry.peer);
  }
  return out;
}

void ChannelTable::clear() {
  for (size_t i = 0; i < entries_.size(); ++i) release(i);
}

}  // namespace connlib::snownet::turn
