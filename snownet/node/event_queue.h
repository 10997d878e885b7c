#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "snownet/node/limits.h"
#include "snownet/node/node_event.h"

namespace connlib::snownet::node {

// EventQueue holds what the node has to say until it is asked. At kMaxQueuedEvents further
// candidates are not signalled: the next upsert of their connection does it. Whether connections
// live is told for as many events again; then the oldest is lost.
class EventQueue {
 public:
  void push(NodeEvent event) {
    const bool is_candidate = std::holds_alternative<CandidateAdded>(event) ||
                              std::holds_alternative<CandidateRemoved>(event);
    if (is_candidate && queue_.size() >= kMaxQueuedEvents) {
      ++dropped_;
      return;
    }
    if (queue_.size() >= 2 * kMaxQueuedEvents) {
      queue_.pop_front();
      ++dropped_;
    }
    queue_.push_back(std::move(event));
  }
  std::optional<NodeEvent> pop() {
    if (queue_.empty()) return std::nullopt;
    NodeEvent next = std::move(queue_.front());
    queue_.pop_front();
    return next;
  }
  template <typename Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(queue_, predicate);
  }
  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  std::deque<NodeEvent> queue_;
  uint64_t dropped_ = 0;
};

}  // namespace connlib::snownet::node
