#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "connlib/packet/ip_packet.h"
#include "snownet/node/peer_id.h"

namespace connlib::gateway {

// ReplyQueue holds packets of our own to clients, ICMP errors and control packets, until the batch
// that called for them is over. Its memory is taken once; when it is full the newest is dropped:
// whoever floods us with packets to be answered gets fewer answers.
class ReplyQueue {
 public:
  explicit ReplyQueue(size_t capacity) : slots_(capacity) {}

  // write() calls `fill(span of IpPacket::kMaxBytes)`, which returns the part it filled; empty
  // means that there is nothing to say.
  template <typename Fill>
  void write(snownet::node::PeerId peer, Fill&& fill) {
    if (size_ == slots_.size()) {
      ++dropped_;
      return;
    }
    Slot& slot = slots_[size_];
    slot.bytes = fill(std::span<uint8_t>(slot.storage)).size();
    slot.peer = peer;
    if (slot.bytes > 0) ++size_;
  }
  void push(snownet::node::PeerId peer, std::span<const uint8_t> packet) {
    write(peer, [&](std::span<uint8_t> out) {
      if (packet.size() > out.size()) return std::span<uint8_t>();
      std::copy(packet.begin(), packet.end(), out.begin());
      return out.first(packet.size());
    });
  }

  // drain() calls `send(peer, packet)` for each, in order, and empties the queue.
  template <typename Send>
  void drain(Send&& send) {
    const size_t n = size_;
    size_ = 0;
    for (size_t i = 0; i < n; ++i) {
      send(slots_[i].peer, std::span<const uint8_t>(slots_[i].storage).first(slots_[i].bytes));
    }
  }

  bool empty() const { return size_ == 0; }
  uint64_t dropped() const { return dropped_; }

 private:
  struct Slot {
    snownet::node::PeerId peer;
    size_t bytes = 0;
    std::array<uint8_t, IpPacket::kMaxBytes> storage{};
  };
  std::vector<Slot> slots_;
  size_t size_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace connlib::gateway
