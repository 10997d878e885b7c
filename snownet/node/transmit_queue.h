#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"
#include "snownet/node/limits.h"

namespace connlib::snownet::node {

// Transmit is one datagram to send. Without `source` it may leave from anywhere (always the case
// towards relays), with it from exactly there.
struct Transmit {
  std::optional<SocketAddress> source;
  SocketAddress to;
  Ecn ecn = Ecn::kNotEct;
  std::vector<uint8_t> bytes;
};

// TransmitQueue holds control datagrams, which are few. At kMaxQueuedTransmits the oldest is
// dropped: it is the stalest, and everything in here is repeated by somebody.
class TransmitQueue {
 public:
  void push(Transmit transmit) {
    if (queue_.size() == kMaxQueuedTransmits) {
      queue_.pop_front();
      ++dropped_;
    }
    queue_.push_back(std::move(transmit));
  }
  std::optional<Transmit> pop() {
    if (queue_.empty()) return std::nullopt;
    Transmit next = std::move(queue_.front());
    queue_.pop_front();
    return next;
  }
  bool empty() const { return queue_.empty(); }
  void clear() { queue_.clear(); }
  uint64_t dropped() const { return dropped_; }

 private:
  std::deque<Transmit> queue_;
  uint64_t dropped_ = 0;
};

}  // namespace connlib::snownet::node
