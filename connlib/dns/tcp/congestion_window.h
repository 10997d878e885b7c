#pragma once

#include <algorithm>
#include <cstdint>

namespace connlib::dns::tcp {

// CongestionWindow is how many bytes may be under way: slow start, congestion avoidance and what
// loss does to them (RFC 5681 §3.1).
class CongestionWindow {
 public:
  static constexpr uint32_t kInitialSegments = 10;  // RFC 6928
  static constexpr uint32_t kMaxBytes = 65'535;     // No more fits the peer's window anyway.

  explicit CongestionWindow(uint32_t segment_bytes) { set_segment_bytes(segment_bytes); }

  void set_segment_bytes(uint32_t bytes) {
    segment_bytes_ = bytes;
    window_ = std::min(kInitialSegments * bytes, kMaxBytes);
  }
  void handle_acknowledged(uint32_t bytes) {
    const uint32_t growth = window_ < threshold_
                                ? std::min(bytes, segment_bytes_)
                                : std::max(1u, segment_bytes_ * segment_bytes_ / window_);
    window_ = std::min(window_ + growth, kMaxBytes);
  }
  // Duplicate acknowledgments told of a loss; or nothing came at all.
  void handle_loss(uint32_t bytes_in_flight) {
    threshold_ = std::max(bytes_in_flight / 2, 2 * segment_bytes_);
    window_ = threshold_;
  }
  void handle_retransmission_timeout(uint32_t bytes_in_flight) {
    handle_loss(bytes_in_flight);
    window_ = segment_bytes_;
  }
  uint32_t bytes() const { return window_; }

 private:
  uint32_t segment_bytes_ = 0;
  uint32_t window_ = 0;
  uint32_t threshold_ = kMaxBytes;
};

}  // namespace connlib::dns::tcp
