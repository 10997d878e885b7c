#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "snownet/ice/candidate_pair.h"
#include "snownet/ice/check_message.h"

namespace connlib::snownet::ice {

inline constexpr size_t kMaxQueuedTransmits =
    64;  // Ours. The oldest is dropped: it is the stalest.

// Transmit is one datagram to send: from a socket or through a relay, whichever `path.local` is.
struct Transmit {
  Path path;
  CheckMessage message;
};

// TransmitQueue is a ring that allocates once.
class TransmitQueue {
 public:
  TransmitQueue() : slots_(kMaxQueuedTransmits) {}

  void push(const Path& path, const CheckMessage& message) {
    if (size_ == slots_.size()) pop();
    slots_[(head_ + size_++) % slots_.size()] = {path, message};
  }
  std::optional<Transmit> pop() {
    if (size_ == 0) return std::nullopt;
    const size_t taken = head_;
    head_ = (head_ + 1) % slots_.size();
    --size_;
    return slots_[taken];
  }
  bool empty() const { return size_ == 0; }

 private:
  std::vector<Transmit> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace connlib::snownet::ice
