#pragma once

#include <optional>
#include <utility>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/random_source.h"
#include "connlib/base/strong.h"
#include "wireguard/noise/messages.h"

namespace connlib::wireguard {

// PeerId names one tunnel of a device; small and dense.
using PeerId = Strong<struct PeerIdTag, uint32_t>;

class IndexLease;

// IndexTable finds the tunnel of a datagram by its receiver index (spec §8). Indices are drawn at
// random and redrawn while taken, so that they tell an observer nothing.
class IndexTable {
 public:
  explicit IndexTable(RandomSource& random) : random_(&random) {}
  IndexTable(const IndexTable&) = delete;
  IndexTable& operator=(const IndexTable&) = delete;

  // lease() reserves a fresh index for `peer` until the lease dies. The table must outlive it.
  IndexLease lease(PeerId peer);

  std::optional<PeerId> find(SessionIndex index) const noexcept;
  size_t size() const { return peers_.size(); }

 private:
  friend class IndexLease;
  RandomSource* random_;
  absl::flat_hash_map<SessionIndex, PeerId> peers_;  // Lookup only; never iterated.
};

// IndexLease is one entry of the table, removed when the lease is destroyed. Movable.
class IndexLease {
 public:
  IndexLease(IndexLease&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), index_(other.index_) {}
  IndexLease& operator=(IndexLease&& other) noexcept {
    if (this != &other) {
      release();
      table_ = std::exchange(other.table_, nullptr);
      index_ = other.index_;
    }
    return *this;
  }
  ~IndexLease() { release(); }
  SessionIndex index() const { return index_; }

 private:
  friend class IndexTable;
  IndexLease(IndexTable& table, SessionIndex index) : table_(&table), index_(index) {}
  void release() {
    if (table_ != nullptr) table_->peers_.erase(index_);
    table_ = nullptr;
  }
  IndexTable* table_;
  SessionIndex index_;
};

}  // namespace connlib::wireguard
