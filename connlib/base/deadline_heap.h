#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "connlib/base/check.h"
#include "connlib/base/timestamp.h"

namespace connlib {

// DeadlineHeap keeps one deadline for each of many machines, named by small dense numbers, and
// tells the earliest. An indexed binary heap: set() costs O(log n) and allocates only when a new
// number appears, four bytes for each number up to it.
class DeadlineHeap {
 public:
  // set() moves the deadline of `id`; never() keeps it out of the heap.
  void set(uint32_t id, Timestamp at) {
    if (id >= slots_.size()) slots_.resize(size_t{id} + 1, kAbsent);
    const uint32_t slot = slots_[id];
    if (slot == kAbsent) {
      if (at.is_never()) return;
      heap_.push_back({at, id});
      slots_[id] = static_cast<uint32_t>(heap_.size() - 1);
      sift_up(heap_.size() - 1);
    } else if (at.is_never()) {
      remove(slot);
    } else {
      const Timestamp before = heap_[slot].at;
      heap_[slot].at = at;
      if (at < before) {
        sift_up(slot);
      } else {
        sift_down(slot);
      }
    }
  }

  bool empty() const { return heap_.empty(); }

  // The earliest deadline (never() when empty), and whose it is.
  Timestamp next_at() const { return heap_.empty() ? Timestamp::never() : heap_.front().at; }
  uint32_t next_id() const {
    CONNLIB_CHECK(!heap_.empty());
    return heap_.front().id;
  }

 private:
  struct Entry {
    Timestamp at;
    uint32_t id;
    // Ties go to the lower id, so that equal inputs give equal orders.
    friend bool operator<(const Entry& a, const Entry& b) {
      return a.at < b.at || (a.at == b.at && a.id < b.id);
    }
  };
  static constexpr uint32_t kAbsent = ~uint32_t{0};

  void swap_entries(size_t a, size_t b) {
    std::swap(heap_[a], heap_[b]);
    slots_[heap_[a].id] = static_cast<uint32_t>(a);
    slots_[heap_[b].id] = static_cast<uint32_t>(b);
  }
  void sift_up(size_t i) {
    for (; i > 0 && heap_[i] < heap_[(i - 1) / 2]; i = (i - 1) / 2) swap_entries(i, (i - 1) / 2);
  }
  void sift_down(size_t i) {
    for (;;) {
      size_t least = i;
      for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap_.size(); ++child) {
        if (heap_[child] < heap_[least]) least = child;
      }
      if (least == i) return;
      swap_entries(i, least);
      i = least;
    }
  }
  void remove(size_t slot) {
    const size_t last = heap_.size() - 1;
    slots_[heap_[slot].id] = kAbsent;
    if (slot != last) {
      heap_[slot] = heap_[last];
      slots_[heap_[slot].id] = static_cast<uint32_t>(slot);
    }
    heap_.pop_back();
    if (slot < heap_.size()) {
      sift_up(slot);
      sift_down(slot);
    }
  }

  std::vector<Entry> heap_;
  std::vector<uint32_t> slots_;  // By id: its place in heap_, or kAbsent.
};

}  // namespace connlib
