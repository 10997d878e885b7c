#pragma once

#include <algorithm>

#include "connlib/base/timestamp.h"

namespace connlib::dns::tcp {

// RtoEstimator computes the retransmission timeout (RFC 6298) from measured round trips.
class RtoEstimator {
 public:
  static constexpr Duration kInitial = 1s;  // RFC 6298 §2.1
  static constexpr Duration kMin = 250ms;   // Ours: the RFC's second is long for one query.
  static constexpr Duration kMax = 60s;     // RFC 6298 §2.5

  // `round_trip` was measured on a segment that was sent once (Karn's rule).
  void add_sample(Duration round_trip) {
    if (!has_sample_) {
      smoothed_ = round_trip;
      variation_ = round_trip / 2;
      has_sample_ = true;
    } else {
      const Duration difference = std::chrono::abs(smoothed_ - round_trip);
      variation_ = (3 * variation_ + difference) / 4;
      smoothed_ = (7 * smoothed_ + round_trip) / 8;
    }
    handle_progress();
  }
  void back_off() { rto_ = std::min(2 * rto_, kMax); }
  // Something new was acknowledged: the path works, and backing off has done its duty. Without this
  // a lossy path, which gives no samples by Karn's rule, would slow down for good.
  void handle_progress() {
    rto_ = has_sample_ ? std::clamp(smoothed_ + 4 * variation_, kMin, kMax) : kInitial;
  }
  Duration rto() const { return rto_; }

 private:
  Duration smoothed_{};
  Duration variation_{};
  Duration rto_ = kInitial;
  bool has_sample_ = false;
};

}  // namespace connlib::dns::tcp
