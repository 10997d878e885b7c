#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace connlib::scenarios {

inline constexpr size_t kMaxPendingPackets = 128;

// PendingPackets are what a client's applications sent before there was a connection (snownet
// §4.8): the newest kMaxPendingPackets, exact duplicates left out.
class PendingPackets {
 public:
  void push(std::vector<uint8_t> packet) {
    if (std::find(packets_.begin(), packets_.end(), packet) != packets_.end()) return;
    if (packets_.size() == kMaxPendingPackets) packets_.pop_front();
    packets_.push_back(std::move(packet));
  }
  bool empty() const { return packets_.empty(); }
  size_t size() const { return packets_.size(); }
  const std::vector<uint8_t>& front() const { return packets_.front(); }
  void pop() { packets_.pop_front(); }

 private:
  std::deque<std::vector<uint8_t>> packets_;
};

}  // namespace connlib::scenarios
