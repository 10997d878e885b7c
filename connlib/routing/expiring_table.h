#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/check.h"
#include "connlib/base/timestamp.h"
#include "connlib/routing/timing_wheel.h"

namespace connlib::routing {

// ExpiringTable keeps entries that expire when nothing happens to them: flows, NAT sessions.
// Entries lie in slots with small dense numbers, so that others can point at them.
//
// An entry knows by itself when it expires: `Timestamp expires_at() const`. A packet that extends
// its life only writes to the entry; the wheel learns of it when it asks. An entry whose end moves
// closer is told to the wheel by sooner(). An expired entry stays until take_expired(), up to one
// tick late: whoever finds it compares with expires_at().
//
// Inserting may allocate while the table grows; finding, extending and erasing do not.
template <typename Key, typename Entry>
class ExpiringTable {
 public:
  using Slot = uint32_t;

  ExpiringTable(size_t max_entries, Duration tick, Timestamp start)
      : max_entries_(max_entries), wheel_(tick, start) {}

  std::optional<Slot> find(const Key& key) const noexcept {
    const auto found = slots_by_key_.find(key);
    if (found == slots_by_key_.end()) return std::nullopt;
    return found->second;
  }

  Entry& at(Slot slot) { return slots_[slot].entry; }
  const Entry& at(Slot slot) const { return slots_[slot].entry; }
  const Key& key_at(Slot slot) const { return slots_[slot].key; }

  size_t size() const { return slots_by_key_.size(); }
  bool is_full() const { return size() >= max_entries_; }

  // insert() takes a key that is not there, and the table is not full.
  Slot insert(const Key& key, Entry entry) {
    CONNLIB_CHECK(!is_full());
    auto slot = static_cast<Slot>(slots_.size());
    if (free_.empty()) {
      slots_.push_back({key, std::move(entry)});
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot] = {key, std::move(entry)};
    }
    const bool is_new = slots_by_key_.emplace(key, slot).second;
    CONNLIB_CHECK(is_new);
    wheel_.set(slot, slots_[slot].entry.expires_at());
    return slot;
  }

  void erase(Slot slot) {
    wheel_.clear(slot);
    slots_by_key_.erase(slots_[slot].key);
    slots_[slot].entry = Entry();
    free_.push_back(slot);
  }

  void sooner(Slot slot) { wheel_.set(slot, slots_[slot].entry.expires_at()); }

  // take_expired() is an entry whose end has come. It is still there: look at it, then erase() it
  // before the next call.
  std::optional<Slot> take_expired(Timestamp now) {
    while (const auto slot = wheel_.pop_due(now)) {
      const Timestamp end = slots_[*slot].entry.expires_at();
      if (end <= now) return slot;
      wheel_.set(*slot, end);
    }
    return std::nullopt;
  }

  // victim() is the entry to give up when the table is full: nearly the one that would expire
  // first. Bounded work, so it may be one that has just been extended. The table is not empty.
  Slot victim() {
    for (int i = 0; i < kVictimTries; ++i) {
      const Slot slot = soonest();
      const Timestamp known = wheel_.next_at();
      wheel_.set(slot, slots_[slot].entry.expires_at());
      // Still among the first: its end is what the wheel thought.
      if (wheel_.next_at() <= known && soonest() == slot) return slot;
    }
    return soonest();
  }

  // No later than the first end; early where an entry was extended.
  Timestamp next_at() const { return wheel_.next_at(); }

  // for_each() visits `visit(slot)` in the order of slots.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (Slot slot = 0; slot < slots_.size(); ++slot) {
      if (wheel_.is_set(slot)) visit(slot);
    }
  }

  void clear() {
    for (Slot slot = 0; slot < slots_.size(); ++slot) {
      if (wheel_.is_set(slot)) erase(slot);
    }
  }

 private:
  static constexpr int kVictimTries = 16;
  struct Place {
    Key key{};
    Entry entry{};
  };

  Slot soonest() const {
    const auto slot = wheel_.soonest();
    CONNLIB_CHECK(slot.has_value());
    return *slot;
  }

  size_t max_entries_;
  TimingWheel wheel_;
  std::vector<Place> slots_;
  std::vector<Slot> free_;
  absl::flat_hash_map<Key, Slot> slots_by_key_;  // Lookups only.
};

}  // namespace connlib::routing
