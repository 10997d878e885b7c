#pragma once

#include <cstdint>
#include <utility>

#include "connlib/base/ip.h"
#include "connlib/client/peers.h"
#include "connlib/packet/protocol.h"
#include "connlib/routing/result_cache.h"

namespace connlib::client {

// DecisionCache remembers which gateway packets to a destination go to, where nothing but a change
// of what the decision depends on could send the next one elsewhere. The owner counts these changes
// in a `version`; with another one than before, everything is forgotten.
class DecisionCache {
 public:
  struct Key {
    IpAddress destination;
    Protocol protocol;
    friend bool operator==(const Key&, const Key&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), key.destination, key.protocol);
    }
  };

  // Null when it is not known.
  Peer* find(const Key& key, uint64_t version) {
    if (version != version_) return nullptr;
    Peer* const* found = gateways_.find(key);
    return found == nullptr ? nullptr : *found;
  }
  void insert(const Key& key, uint64_t version, Peer* gateway) {
    if (version != version_) gateways_.clear();
    version_ = version;
    gateways_.insert(key, gateway);
  }

 private:
  static constexpr size_t kEntries = 4096;  // Of 64 bytes.

  routing::ResultCache<Key, Peer*, kEntries> gateways_;
  uint64_t version_ = 0;
};

}  // namespace connlib::client
