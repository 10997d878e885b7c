#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "connlib/base/timestamp.h"

namespace connlib::scenarios {

inline constexpr Duration kMinRetransmission = 1s;   // RFC 6298 §2.1
inline constexpr Duration kMaxRetransmission = 60s;  // RFC 6298 §2.5
inline constexpr uint64_t kTransferWindow = 8;

// TransferSender sends numbered segments as TCP would: a window of them, each until it is
// acknowledged; the oldest is repeated with exponential backoff (RFC 6298 §5). A user's timeout
// ends it: after `patience` without any progress.
class TransferSender {
 public:
  TransferSender(uint64_t segments, Duration patience, Timestamp now)
      : segments_(segments), patience_(patience), progress_at_(now) {}

  // The number of a segment to send at `now`, until there is none.
  std::optional<uint64_t> next(Timestamp now) {
    if (is_done() || has_given_up_) return std::nullopt;
    if (next_ < segments_ && next_ < acknowledged_ + kTransferWindow) {
      if (retransmit_at_.is_never()) retransmit_at_ = now + timeout_;
      return next_++;
    }
    if (now < retransmit_at_) return std::nullopt;
    if (!is_repairing_) timeout_ = std::min(2 * timeout_, kMaxRetransmission);
    is_repairing_ = false;
    repaired_at_ = next_;
    retransmit_at_ = now + timeout_;
    return acknowledged_;
  }

  // Everything below `number` has arrived.
  void acknowledge(uint64_t number, Timestamp now) {
    if (number <= acknowledged_) return;
    acknowledged_ = number;
    progress_at_ = now;
    timeout_ = kMinRetransmission;
    retransmit_at_ = acknowledged_ < next_ ? now + timeout_ : Timestamp::never();
    // Everything that was on its way at a timeout is repeated, one at each acknowledgement.
    is_repairing_ = acknowledged_ < repaired_at_;
    if (is_repairing_) retransmit_at_ = now;
  }

  void handle_timeout(Timestamp now) {
    if (!is_done() && now >= progress_at_ + patience_) has_given_up_ = true;
  }
  Timestamp next_at() const {
    if (is_done() || has_given_up_) return Timestamp::never();
    return std::min(retransmit_at_, progress_at_ + patience_);
  }

  bool is_done() const { return acknowledged_ == segments_; }
  bool has_given_up() const { return has_given_up_; }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  uint64_t segments_;
  Duration patience_;
  uint64_t next_ = 0;
  uint64_t acknowledged_ = 0;
  Duration timeout_ = kMinRetransmission;
  Timestamp retransmit_at_ = Timestamp::never();
  Timestamp progress_at_;
  uint64_t repaired_at_ = 0;  // Below this everything was on its way when the timer fired.
  bool is_repairing_ = false;
  bool has_given_up_ = false;
};

// TransferReceiver acknowledges what has arrived without a gap.
class TransferReceiver {
 public:
  uint64_t receive(uint64_t segment) {
    if (segment >= complete_) early_.insert(segment);
    while (early_.erase(complete_) > 0) ++complete_;
    return complete_;
  }

 private:
  uint64_t complete_ = 0;
  std::set<uint64_t> early_;
};

}  // namespace connlib::scenarios
