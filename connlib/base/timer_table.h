#pragma once

#include <array>
#include <cstddef>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"

namespace connlib {

// TimerTable<TimerId> holds one optional deadline per enumerator of TimerId, which must count from
// zero and end with kCount. Timers are data: nothing to cancel, nothing to leak.
// `timer_name(TimerId)` must be found by argument-dependent lookup and gives the wakeup's reason.
template <typename TimerId>
class TimerTable {
 public:
  void set(TimerId id, Timestamp at) { at_[index(id)] = at; }
  void clear(TimerId id) { at_[index(id)] = Timestamp::never(); }
  void clear_all() { at_.fill(Timestamp::never()); }
  bool is_set(TimerId id) const { return !at_[index(id)].is_never(); }
  Timestamp at(TimerId id) const { return at_[index(id)]; }
  bool is_due(TimerId id, Timestamp now) const { return at_[index(id)] <= now; }

  // take_due() clears the timer and says true when it was due.
  bool take_due(TimerId id, Timestamp now) {
    if (!is_due(id, now)) return false;
    clear(id);
    return true;
  }

  // The earliest deadline; the lower enumerator wins a tie.
  Wakeup next() const {
    Wakeup best;
    for (size_t i = 0; i < at_.size(); ++i) {
      best = earliest(best, Wakeup{at_[i], timer_name(static_cast<TimerId>(i))});
    }
    return best.at.is_never() ? Wakeup::none() : best;
  }

 private:
  static constexpr size_t index(TimerId id) { return static_cast<size_t>(id); }
  static constexpr std::array<Timestamp, static_cast<size_t>(TimerId::kCount)> all_never() {
    std::array<Timestamp, static_cast<size_t>(TimerId::kCount)> out{};
    out.fill(Timestamp::never());
    return out;
  }
  std::array<Timestamp, static_cast<size_t>(TimerId::kCount)> at_ = all_never();
};

}  // namespace connlib
