#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "connlib/base/timestamp.h"

namespace connlib::scenarios {

inline constexpr Duration kFirstRetransmission = 1s;  // RFC 6298 §2.1
inline constexpr uint64_t kTransferWindow = 8;

// TransferOptions is how the TCP of some system behaves, and what its application writes.
struct TransferOptions {
  const char* system = "RFC 6298";
  Duration least_timeout = 1s;     // Of a retransmission, RFC 6298 §2.4; systems differ.
  Duration most_timeout = 60s;     // RFC 6298 §2.5
  Duration gives_up_after = 100s;  // Of silence: the connection is reset (RFC 9293 §3.8.3).
  uint64_t segments = UINT64_MAX;
  Duration interval = 0s;  // Between two segments that are written; 0: as fast as the window goes.
};

// RoundTripEstimator is RFC 6298 §2, without the granularity of a clock.
class RoundTripEstimator {
 public:
  void add(Duration sample) {
    if (!smoothed_) {
      smoothed_ = sample;
      variation_ = sample / 2;
      return;
    }
    const Duration error = *smoothed_ > sample ? *smoothed_ - sample : sample - *smoothed_;
    variation_ = (3 * variation_ + error) / 4;
    smoothed_ = (7 * *smoothed_ + sample) / 8;
  }
  Duration timeout(const TransferOptions& options) const {
    if (!smoothed_) return std::max(kFirstRetransmission, options.least_timeout);
    return std::clamp(*smoothed_ + 4 * variation_, options.least_timeout, options.most_timeout);
  }

 private:
  std::optional<Duration> smoothed_;
  Duration variation_{};
};

// TransferSender sends numbered segments as TCP does: a window of them, each until it is
// acknowledged; the oldest is repeated with exponential backoff (RFC 6298 §5), and after a silence
// that is too long the connection is given up.
class TransferSender {
 public:
  TransferSender(const TransferOptions& options, Timestamp now)
      : options_(options), write_at_(now), progress_at_(now) {}

  // The number of a segment to send at `now`, until there is none.
  std::optional<uint64_t> next(Timestamp now) {
    if (is_done() || has_given_up_) return std::nullopt;
    if (may_send() && now >= write_at_) {
      write_at_ = std::max(write_at_ + options_.interval, now);
      if (acknowledged_ == next_) progress_at_ = now;  // Silence begins with a question.
      if (retransmit_at_.is_never()) retransmit_at_ = now + timeout();
      if (!timed_) timed_ = {next_, now};
      return next_++;
    }
    if (now < retransmit_at_) return std::nullopt;
    if (!is_repairing_) ++backoff_;
    is_repairing_ = false;
    timed_.reset();  // Whose answer it is would not be known (Karn).
    repaired_at_ = next_;
    retransmit_at_ = now + timeout();
    return acknowledged_;
  }

  // Everything below `number` has arrived.
  void acknowledge(uint64_t number, Timestamp now) {
    if (number <= acknowledged_ || number > next_ || has_given_up_) return;
    longest_wait_ = std::max(longest_wait_, now - progress_at_);
    if (timed_ && number > timed_->segment) {
      round_trip_.add(now - timed_->sent_at);
      timed_.reset();
    }
    acknowledged_ = number;
    progress_at_ = now;
    backoff_ = 0;
    retransmit_at_ = acknowledged_ < next_ ? now + timeout() : Timestamp::never();
    // Everything that was on its way at a timeout is repeated, one at each acknowledgement.
    is_repairing_ = acknowledged_ < repaired_at_;
    if (is_repairing_) retransmit_at_ = now;
  }

  void handle_timeout(Timestamp now) {
    if (is_waiting() && now >= progress_at_ + options_.gives_up_after) has_given_up_ = true;
  }
  Timestamp next_at() const {
    if (is_done() || has_given_up_) return Timestamp::never();
    const Timestamp write_at = may_send() ? write_at_ : Timestamp::never();
    const Timestamp ends_at =
        is_waiting() ? progress_at_ + options_.gives_up_after : Timestamp::never();
    return std::min({write_at, retransmit_at_, ends_at});
  }

  const TransferOptions& options() const { return options_; }
  bool is_done() const { return acknowledged_ == options_.segments; }
  bool has_given_up() const { return has_given_up_; }
  uint64_t acknowledged() const { return acknowledged_; }
  Duration longest_wait() const { return longest_wait_; }  // For an acknowledgement that came.

 private:
  struct Timed {
    uint64_t segment = 0;
    Timestamp sent_at;
  };

  bool may_send() const {
    return next_ < options_.segments && next_ < acknowledged_ + kTransferWindow;
  }
  bool is_waiting() const { return acknowledged_ < next_; }
  Duration timeout() const {
    Duration timeout = round_trip_.timeout(options_);
    for (unsigned i = 0; i < backoff_ && timeout < options_.most_timeout; ++i) timeout *= 2;
    return std::min(timeout, options_.most_timeout);
  }

  TransferOptions options_;
  Timestamp write_at_;
  uint64_t next_ = 0;
  uint64_t acknowledged_ = 0;
  RoundTripEstimator round_trip_;
  std::optional<Timed> timed_;
  unsigned backoff_ = 0;  // Retransmissions without an answer.
  Timestamp retransmit_at_ = Timestamp::never();
  Timestamp progress_at_;
  Duration longest_wait_{};
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
