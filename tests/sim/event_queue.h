#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "connlib/base/check.h"
#include "connlib/base/timestamp.h"

namespace connlib::sim {

// EventQueue holds what happens later in virtual time. Events run in the order of their instant;
// equal instants in the order in which they were scheduled.
class EventQueue {
 public:
  using Action = absl::AnyInvocable<void()>;

  Timestamp now() const { return now_; }

  // schedule() runs `action` at `at`, or at once (but not before this call returns) when `at` has
  // passed.
  void schedule(Timestamp at, Action action) {
    heap_.push_back({std::max(at, now_), next_sequence_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }

  Timestamp next_at() const { return heap_.empty() ? Timestamp::never() : heap_.front().at; }

  // take() removes the next event.
  Action take() {
    CONNLIB_CHECK(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    Action action = std::move(heap_.back().action);
    heap_.pop_back();
    return action;
  }

  // advance_to() moves the clock; it never goes back and never passes an event.
  void advance_to(Timestamp at) {
    CONNLIB_CHECK(at >= now_ && at <= next_at());
    now_ = at;
  }

  explicit EventQueue(Timestamp start) : now_(start) {}

 private:
  struct Event {
    Timestamp at;
    uint64_t sequence = 0;
    Action action;
  };
  static bool is_later(const Event& a, const Event& b) {
    return std::pair(a.at, a.sequence) > std::pair(b.at, b.sequence);
  }

  Timestamp now_;
  uint64_t next_sequence_ = 0;
  std::vector<Event> heap_;
};

}  // namespace connlib::sim
