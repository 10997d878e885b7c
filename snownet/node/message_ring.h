#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "snownet/node/limits.h"

namespace connlib::snownet::node {

// MessageRing keeps WireGuard's own messages while a connection has no path. At
// kMaxBufferedMessages the oldest is lost: handshakes supersede each other.
class MessageRing {
 public:
  void push(std::span<const uint8_t> message) {
    if (messages_.size() == kMaxBufferedMessages) messages_.erase(messages_.begin());
    messages_.emplace_back(message.begin(), message.end());
  }
  std::vector<std::vector<uint8_t>> take() { return std::exchange(messages_, {}); }
  bool empty() const { return messages_.empty(); }

 private:
  std::vector<std::vector<uint8_t>> messages_;
};

}  // namespace connlib::snownet::node
