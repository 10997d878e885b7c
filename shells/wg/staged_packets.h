#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace connlib::wg {

// StagingBudget is the storage that the staged packets of all peers may hold together.
class StagingBudget {
 public:
  static constexpr size_t kDefaultBytes = size_t{64} << 20;

  explicit StagingBudget(size_t bytes = kDefaultBytes) : free_bytes_(bytes) {}
  bool take(size_t bytes) {
    if (bytes > free_bytes_) return false;
    free_bytes_ -= bytes;
    return true;
  }
  void give_back(size_t bytes) { free_bytes_ += bytes; }
  size_t free_bytes() const { return free_bytes_; }

 private:
  size_t free_bytes_;
};

// StagedPackets holds the inner packets of one peer that wait for a session, oldest first. At a
// limit the oldest goes and is counted; a packet that even then finds no room is itself dropped and
// counted. At its limit it reuses storage and allocates nothing.
class StagedPackets {
 public:
  static constexpr size_t kMaxPackets = 256;

  // `budget` must outlive this.
  explicit StagedPackets(StagingBudget& budget) : budget_(&budget) {}
  ~StagedPackets() { clear(); }
  StagedPackets(const StagedPackets&) = delete;
  StagedPackets& operator=(const StagedPackets&) = delete;

  // push() gives room for one packet of `bytes` to be written, or an empty span when there is none.
  std::span<uint8_t> push(size_t bytes) {
    std::vector<uint8_t> storage;
    while (count_ > 0 && (count_ == kMaxPackets || budget_->free_bytes() < bytes)) {
      storage = drop_oldest();
    }
    if (!budget_->take(bytes)) {
      ++dropped_;
      return {};
    }
    if (ring_.empty()) ring_.resize(kMaxPackets);
    storage.resize(bytes);
    std::vector<uint8_t>& slot = ring_[(first_ + count_) % kMaxPackets];
    slot = std::move(storage);
    ++count_;
    return slot;
  }

  // front() is the oldest packet; there must be one.
  std::span<uint8_t> front() { return ring_[first_]; }
  void pop() {
    budget_->give_back(ring_[first_].size());
    ring_[first_].clear();
    first_ = (first_ + 1) % kMaxPackets;
    if (--count_ == 0) ring_ = {};  // Waiting is rare; its storage does not stay.
  }

  // clear() drops and counts what waits.
  void clear() {
    dropped_ += count_;
    while (!empty()) pop();
  }

  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  uint64_t dropped() const { return dropped_; }

 private:
  std::vector<uint8_t> drop_oldest() {
    std::vector<uint8_t> storage = std::move(ring_[first_]);
    ring_[first_].clear();
    budget_->give_back(storage.size());
    first_ = (first_ + 1) % kMaxPackets;
    --count_;
    ++dropped_;
    return storage;
  }

  StagingBudget* budget_;
  std::vector<std::vector<uint8_t>> ring_;  // Empty, or kMaxPackets slots.
  size_t first_ = 0;
  size_t count_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace connlib::wg
