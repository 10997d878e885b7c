#pragma once

#include <algorithm>
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

// TransmitQueue is a ring that grows to what was ever in it at once, mostly one or two: an agent is
// drained after every input, and there are many idle ones.
class TransmitQueue {
 public:
  void push(const Path& path, const CheckMessage& message) {
    if (size_ == kMaxQueuedTransmits) drop_oldest();
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_++) % slots_.size()] = {path, message};
  }
  std::optional<Transmit> pop() {
    if (size_ == 0) return std::nullopt;
    const size_t taken = head_;
    drop_oldest();
    return slots_[taken];
  }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

 private:
  void drop_oldest() {
    head_ = (head_ + 1) % slots_.size();
    --size_;
  }
  // The oldest moves to the front, so that what follows the youngest is the new room.
  void grow() {
    std::rotate(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(head_), slots_.end());
    head_ = 0;
    slots_.resize(std::clamp(2 * slots_.size(), size_t{1}, kMaxQueuedTransmits));
  }

  std::vector<Transmit> slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace connlib::snownet::ice
