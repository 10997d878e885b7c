#include "connlib/routing/timing_wheel.h"

#include <algorithm>
#include <bit>

#include "connlib/base/check.h"

namespace connlib::routing {

TimingWheel::TimingWheel(Duration tick, Timestamp start) : tick_(tick), start_(start) {
  CONNLIB_CHECK(tick > Duration::zero());
  heads_.fill(kNone);
}

uint64_t TimingWheel::tick_at_or_after(Timestamp at) const {
  if (at <= start_) return 0;
  const Duration ahead = at - start_;
  const auto whole = static_cast<uint64_t>(ahead / tick_);
  return std::min(whole + (ahead % tick_ == Duration::zero() ? 0 : 1), kLastTick);
}

uint64_t TimingWheel::tick_at_or_before(Timestamp now) const {
  if (now <= start_) return 0;
  return std::min(static_cast<uint64_t>((now - start_) / tick_), kLastTick);
}

Timestamp TimingWheel::time_of(uint64_t tick) const {
  int64_t ahead = 0;
  if (__builtin_mul_overflow(tick, tick_.count(), &ahead)) return Timestamp::never();
  return start_ + Duration(ahead);
}

uint16_t TimingWheel::slot_for(uint64_t tick) const {
  if (tick <= current_) return kDue;
  const auto highest = static_cast<size_t>(63 - std::countl_zero(tick ^ current_));
  const size_t level = highest / kBitsPerLevel;
  const size_t index = tick >> (level * kBitsPerLevel) & (kSlotsPerLevel - 1);
  return static_cast<uint16_t>(level * kSlotsPerLevel + index);
}

void TimingWheel::append(uint32_t id, uint16_t slot) {
  Node& node = nodes_[id];
  node.slot = slot;
  uint32_t& head = heads_[slot];
  if (head == kNone) {
    head = node.previous = node.next = id;
  } else {
    const uint32_t last = nodes_[head].previous;
    node.previous = last;
    node.next = head;
    nodes_[last].next = id;
    nodes_[head].previous = id;
  }
  if (slot != kDue) occupied_[slot / kSlotsPerLevel] |= uint64_t{1} << slot % kSlotsPerLevel;
}

void TimingWheel::unlink(uint32_t id) {
  Node& node = nodes_[id];
  uint32_t& head = heads_[node.slot];
  if (node.next == id) {
    head = kNone;
    if (node.slot != kDue) {
      occupied_[node.slot / kSlotsPerLevel] &= ~(uint64_t{1} << node.slot % kSlotsPerLevel);
    }
  } else {
    nodes_[node.previous].next = node.next;
    nodes_[node.next].previous = node.previous;
    if (head == id) head = node.next;
  }
  node.slot = kNowhere;
}

void TimingWheel::set(uint32_t id, Timestamp at) {
  clear(id);
  if (at.is_never()) return;
  if (id >= nodes_.size()) nodes_.resize(size_t{id} + 1);
  nodes_[id].tick = tick_at_or_after(at);
  append(id, slot_for(nodes_[id].tick));
  ++size_;
}

void TimingWheel::clear(uint32_t id) {
  if (!is_set(id)) return;
  unlink(id);
  --size_;
}

std::optional<TimingWheel::Step> TimingWheel::next_step() const {
  for (size_t level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const auto index = static_cast<size_t>(std::countr_zero(occupied_[level]));
    const size_t shift = level * kBitsPerLevel;
    const uint64_t above = current_ >> (shift + kBitsPerLevel) << (shift + kBitsPerLevel);
    return Step{above | uint64_t{index} << shift,
                static_cast<uint16_t>(level * kSlotsPerLevel + index)};
  }
  return std::nullopt;
}

void TimingWheel::enter(const Step& step) {
  current_ = step.tick;
  // Every entry lands on a lower level, or is due: it never comes back here.
  while (heads_[step.slot] != kNone) {
    const uint32_t id = heads_[step.slot];
    unlink(id);
    append(id, slot_for(nodes_[id].tick));
  }
}

std::optional<uint32_t> TimingWheel::pop_due(Timestamp now) {
  const uint64_t target = tick_at_or_before(now);
  while (heads_[kDue] == kNone) {
    const auto step = next_step();
    if (!step || step->tick > target) {
      // No slot begins in between, so every entry stays on its level.
      current_ = std::max(current_, target);
      return std::nullopt;
    }
    enter(*step);
  }
  const uint32_t id = heads_[kDue];
  clear(id);
  return id;
}

Timestamp TimingWheel::next_at() const {
  if (heads_[kDue] != kNone) return time_of(current_);
  const auto step = next_step();
  return step ? time_of(step->tick) : Timestamp::never();
}

std::optional<uint32_t> TimingWheel::soonest() const {
  if (heads_[kDue] != kNone) return heads_[kDue];
  const auto step = next_step();
  if (!step) return std::nullopt;
  return heads_[step->slot];
}

}  // namespace connlib::routing
