#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "connlib/base/timestamp.h"

namespace connlib::routing {

// TimingWheel keeps one deadline for each of many entries, named by small dense numbers, to the
// precision of one tick. set(), clear() and taking what is due cost O(1), however many there are.
//
// A hierarchical wheel (Varghese and Lauck, scheme 6): level n has 64 slots of 64^n ticks. An entry
// lies on the level of the highest group of six bits in which its tick differs from the current
// one, so slots never wrap, and everything on a lower level comes before everything above it.
//
// It allocates when a number appears that is greater than all before: 24 bytes for each up to it.
class TimingWheel {
 public:
  // `start` is the current time: deadlines before it are due at once. `tick` is positive.
  TimingWheel(Duration tick, Timestamp start);

  // set() moves the deadline of `id`, which is due at the first tick that is not before `at`;
  // never() is like clear().
  void set(uint32_t id, Timestamp at);
  void clear(uint32_t id);
  bool is_set(uint32_t id) const { return id < nodes_.size() && nodes_[id].slot != kNowhere; }

  // pop_due() takes out one entry whose tick has come, earlier ticks first, and of one tick in the
  // order in which they were set or reached its slot. Call it until there is none. A leap of years
  // costs no more than one of a tick, entries aside.
  std::optional<uint32_t> pop_due(Timestamp now);

  // next_at() is never later than the first deadline and, after pop_due() said nullopt at `now`,
  // later than `now`: it may be early by as much as the entries lie ahead, when they have to move
  // down a level. never() when empty.
  Timestamp next_at() const;

  // soonest() is an entry of the slot that comes first, without taking it out: nearly the first.
  std::optional<uint32_t> soonest() const;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  static constexpr size_t kBitsPerLevel = 6;
  static constexpr size_t kSlotsPerLevel = size_t{1} << kBitsPerLevel;
  static constexpr size_t kLevels = 8;
  static constexpr uint64_t kLastTick = (uint64_t{1} << (kBitsPerLevel * kLevels)) - 1;
  static constexpr uint16_t kDue = kSlotsPerLevel * kLevels;  // The slot behind all levels.
  static constexpr uint16_t kNowhere = kDue + 1;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Node {
    uint64_t tick = 0;
    uint32_t previous = kNone;  // Circular within the slot: the first's is the last.
    uint32_t next = kNone;
    uint16_t slot = kNowhere;
  };
  struct Step {
    uint64_t tick;  // The start of the slot.
    uint16_t slot;
  };

  uint64_t tick_at_or_after(Timestamp at) const;
  uint64_t tick_at_or_before(Timestamp now) const;
  Timestamp time_of(uint64_t tick) const;

  // The slot that comes first behind those that are due; nullopt when all levels are empty.
  std::optional<Step> next_step() const;
  uint16_t slot_for(uint64_t tick) const;
  void append(uint32_t id, uint16_t slot);
  void unlink(uint32_t id);
  void enter(const Step& step);

  Duration tick_;
  Timestamp start_;
  uint64_t current_ = 0;
  size_t size_ = 0;
  std::array<uint64_t, kLevels> occupied_{};  // One bit per slot.
  std::array<uint32_t, kDue + 1> heads_{};
  std::vector<Node> nodes_;  // By id.
};

}  // namespace connlib::routing
