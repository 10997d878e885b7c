#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>

#include "connlib/base/ip.h"

namespace connlib::snownet::turn {

inline constexpr size_t kMaxWaitingBinds = 100;

// WaitingBinds are the peers that want a channel as soon as there is an allocation, and room for
// another ChannelBind on its way. Each once, first come first served.
class WaitingBinds {
 public:
  // add() lets the one that waits longest go when there are too many.
  void add(const SocketAddress& peer) {
    if (std::find(peers_.begin(), peers_.end(), peer) != peers_.end()) return;
    if (peers_.size() == kMaxWaitingBinds) peers_.pop_front();
    peers_.push_back(peer);
  }

  // take() is the next peer, which waits no more.
  std::optional<SocketAddress> take() {
    if (peers_.empty()) return std::nullopt;
    const SocketAddress peer = peers_.front();
    peers_.pop_front();
    return peer;
  }

  void clear() { peers_.clear(); }

 private:
  std::deque<SocketAddress> peers_;
};

}  // namespace connlib::snownet::turn
