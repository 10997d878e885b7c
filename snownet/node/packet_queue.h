#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "snownet/node/limits.h"

namespace connlib::snownet::node {

// PacketQueue keeps packets for a moment without a session. At kMaxQueuedPackets further ones are
// refused: what came first is what the application waits for.
class PacketQueue {
 public:
  [[nodiscard]] bool push(std::span<const uint8_t> packet) {
    if (packets_.size() == kMaxQueuedPackets) return false;
    packets_.emplace_back(packet.begin(), packet.end());
    return true;
  }
  std::vector<std::vector<uint8_t>> take() { return std::exchange(packets_, {}); }
  bool empty() const { return packets_.empty(); }

 private:
  std::vector<std::vector<uint8_t>> packets_;
};

}  // namespace connlib::snownet::node
