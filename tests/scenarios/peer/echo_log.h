#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "connlib/base/timestamp.h"

namespace connlib::scenarios {

// EchoLog is what the application of a client saw of its pings: when each was sent and answered.
class EchoLog {
 public:
  struct Ping {
    Timestamp sent_at;
    Timestamp answered_at = Timestamp::never();
  };

  uint64_t add(Timestamp now) {
    pings_.push_back({now});
    return pings_.size() - 1;
  }
  void answer(uint64_t number, Timestamp now) {
    if (number >= pings_.size() || !pings_[number].answered_at.is_never()) return;
    pings_[number].answered_at = now;
    answers_.push_back(now);
  }

  const std::vector<Ping>& pings() const { return pings_; }
  uint64_t sent() const { return pings_.size(); }
  uint64_t answered() const { return answers_.size(); }

  // When the first ping that was sent at or after `since` was answered; never() if none was.
  Timestamp first_answer(Timestamp since) const {
    Timestamp first = Timestamp::never();
    for (const Ping& ping : pings_) {
      if (ping.sent_at >= since) first = std::min(first, ping.answered_at);
    }
    return first;
  }

  // The longest silence between answers from `since` on, up to `until`.
  Duration longest_silence(Timestamp since, Timestamp until) const {
    Duration longest{};
    Timestamp last = since;
    for (const Timestamp at : answers_) {
      if (at < since || at > until) continue;
      longest = std::max(longest, at - last);
      last = at;
    }
    return std::max(longest, until - last);
  }

  // How many of the pings that were sent in [since, until) have no answer.
  uint64_t lost(Timestamp since, Timestamp until) const {
    uint64_t count = 0;
    for (const Ping& ping : pings_) {
      if (ping.sent_at >= since && ping.sent_at < until && ping.answered_at.is_never()) ++count;
    }
    return count;
  }

 private:
  std::vector<Ping> pings_;
  std::vector<Timestamp> answers_;  // In order.
};

}  // namespace connlib::scenarios
