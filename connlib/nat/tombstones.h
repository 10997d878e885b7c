#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/nat/session_key.h"

namespace connlib::nat {

// Tombstones remembers the outsides of the latest sessions that ended. What a resource still sends
// to one of them must not be mistaken for other traffic of that address (spec tunnel 5.3). The
// oldest is forgotten when there are too many.
class Tombstones {
 public:
  explicit Tombstones(size_t capacity) : capacity_(capacity) {}

  void add(const SessionKey& outside) {
    if (capacity_ == 0 || places_.contains(outside)) return;
    if (ring_.size() < capacity_) {
      ring_.push_back(outside);
      places_[outside] = ring_.size() - 1;
      return;
    }
    // A stale place is one whose session came back; its key may stand elsewhere by now.
    const auto oldest = places_.find(ring_[next_]);
    if (oldest != places_.end() && oldest->second == next_) places_.erase(oldest);
    ring_[next_] = outside;
    places_[outside] = next_;
    next_ = (next_ + 1) % capacity_;
  }

  // remove() is for a session that came back.
  void remove(const SessionKey& outside) { places_.erase(outside); }

  bool contains(const SessionKey& outside) const { return places_.contains(outside); }
  size_t size() const { return places_.size(); }

 private:
  size_t capacity_;
  size_t next_ = 0;
  std::vector<SessionKey> ring_;
  absl::flat_hash_map<SessionKey, size_t> places_;  // Lookups only.
};

}  // namespace connlib::nat
