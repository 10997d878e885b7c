#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/deadline_heap.h"
#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "snownet/stun/channel_data.h"

namespace connlib::snownet::turn {

using stun::ChannelNumber;

inline constexpr Duration kChannelLifetime = 10min;   // RFC 8656 §12
inline constexpr Duration kChannelCoolDown = 5min;    // RFC 8656 §12: not for another peer.
inline constexpr Duration kChannelRefreshAge = 5min;  // Ours: half the lifetime.
inline constexpr Duration kChannelReuseAge =
    kChannelLifetime + kChannelCoolDown;  // Since the last confirmation.
static_assert(kChannelRefreshAge < kChannelLifetime);

// ChannelTable knows which channel number of one allocation leads to which peer (RFC 8656 §12),
// and how far each binding is. It sends nothing: its owner asks for a number, sends ChannelBind and
// reports what became of it.
class ChannelTable {
 public:
  // number_for() chooses the number to bind `peer` to and keeps it as being bound: the peer's own
  // one while the relay still reserves it, else the next that is unused, or was reserved so long
  // ago that the relay forgot it and has been silent since. nullopt when all 4096 are taken.
  std::optional<ChannelNumber> number_for(Timestamp now, const SocketAddress& peer);

  // handle_bound() confirms: the relay answered our ChannelBind with success.
  void handle_bound(Timestamp now, ChannelNumber number);
  // remove() forgets a binding that the relay refused.
  void remove(ChannelNumber number);

  // route_to() is the number to send to `peer` on: confirmed and not expired, or being bound (the
  // relay handles the bind before the data right behind it). It counts as use.
  std::optional<ChannelNumber> route_to(Timestamp now, const SocketAddress& peer);
  // peer_of() is who is behind incoming channel data: confirmed bindings only. Counts as use.
  std::optional<SocketAddress> peer_of(ChannelNumber number);

  bool is_being_bound(const SocketAddress& peer) const;
  bool is_bound(Timestamp now, const SocketAddress& peer) const;

  // next_refresh_at() is when the next binding wants renewal: half way through its life, if it was
  // used since it was confirmed. Unused ones lapse on purpose.
  Timestamp next_refresh_at() const { return refreshes_.next_at(); }
  struct Refresh {
    ChannelNumber number;
    SocketAddress peer;
  };
  // take_refresh() is a binding whose renewal is due, kept as being bound from then on.
  std::optional<Refresh> take_refresh(Timestamp now);

  // peers() are those with a binding, confirmed or not, in the order of their numbers.
  std::vector<SocketAddress> peers() const;

  // clear() forgets all bindings; numbers go on from where they were.
  void clear();
  size_t size() const { return by_peer_.size(); }

 private:
  struct Entry {
    std::optional<SocketAddress> peer;  // nullopt: unused.
    Timestamp bound_at = Timestamp::never();
    bool is_confirmed = false;
    bool is_being_bound = false;
    bool was_used = false;  // Since it was confirmed.
  };
  static size_t slot(ChannelNumber number) {
    return static_cast<size_t>(number.value() - stun::kFirstChannel.value());
  }
  static ChannelNumber number_at(size_t slot) {
    return ChannelNumber(static_cast<uint16_t>(stun::kFirstChannel.value() + slot));
  }
  const Entry* find(const SocketAddress& peer) const;
  Entry* find(const SocketAddress& peer);
  static bool is_fresh(const Entry& entry, Timestamp now) {
    return entry.is_confirmed && now - entry.bound_at < kChannelLifetime;
  }
  std::optional<size_t> free_slot(Timestamp now) const;
  void release(size_t slot);
  void mark_used(size_t slot);

  std::vector<Entry> entries_;                            // By slot; grows up to the cursor.
  absl::flat_hash_map<SocketAddress, uint16_t> by_peer_;  // To the slot. Lookup only.
  DeadlineHeap refreshes_;                                // By slot.
  size_t cursor_ = 0;
};

}  // namespace connlib::snownet::turn
