#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"

namespace connlib::snownet::turn {

inline constexpr Duration kRefusedBindPause = 5s;  // Ours, per peer.
inline constexpr size_t kMaxRefusedPeers = 100;

// RefusedPeers are those to which the relay lately refused to bind a channel. Asking again for each
// datagram to them would be a flood.
class RefusedPeers {
 public:
  // add() lets the oldest refusal go when there are too many.
  void add(Timestamp now, const SocketAddress& peer) {
    if (refused_.size() == kMaxRefusedPeers) refused_.pop_front();
    refused_.push_back({peer, now + kRefusedBindPause});
  }

  bool contains(Timestamp now, const SocketAddress& peer) const {
    return std::any_of(refused_.begin(), refused_.end(), [&](const Refusal& refusal) {
      return refusal.peer == peer && now < refusal.until;
    });
  }

  void clear() { refused_.clear(); }

 private:
  struct Refusal {
    SocketAddress peer;
    Timestamp until;
  };
  std::deque<Refusal> refused_;
};

}  // namespace connlib::snownet::turn
