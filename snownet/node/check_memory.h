#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/timestamp.h"
#include "snownet/node/connection_ref.h"
#include "snownet/node/limits.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::node {

// CheckMemory knows which connection sent the check that an answer names, for kCheckMemory. At
// kMaxChecksInFlight the oldest is forgotten: its answer will count as lost.
class CheckMemory {
 public:
  void add(Timestamp now, const stun::TransactionId& id, ConnectionRef sender) {
    expire(now);
    if (in_order_.size() == kMaxChecksInFlight) forget_oldest();
    if (senders_.insert_or_assign(id, sender).second) in_order_.push_back({id, now});
  }
  std::optional<ConnectionRef> find(Timestamp now, const stun::TransactionId& id) {
    expire(now);
    const auto it = senders_.find(id);
    if (it == senders_.end()) return std::nullopt;
    return it->second;
  }
  void expire(Timestamp now) {
    while (!in_order_.empty() && now - in_order_.front().sent_at >= kCheckMemory) forget_oldest();
  }
  void clear() {
    senders_.clear();
    in_order_.clear();
  }
  size_t size() const { return in_order_.size(); }

 private:
  struct Entry {
    stun::TransactionId id;
    Timestamp sent_at;
  };
  void forget_oldest() {
    senders_.erase(in_order_.front().id);
    in_order_.pop_front();
  }

  absl::flat_hash_map<stun::TransactionId, ConnectionRef> senders_;  // Lookup only.
  std::deque<Entry> in_order_;
};

}  // namespace connlib::snownet::node
