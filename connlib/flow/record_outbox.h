#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "connlib/base/secret_text.h"
#include "connlib/flow/attribution.h"
#include "connlib/flow/flow_record.h"

namespace connlib::flow {

// RecordOutbox keeps records until they are fetched, each authorization's together, and each token
// as long as a flow or a record needs it.
class RecordOutbox {
 public:
  explicit RecordOutbox(size_t max_records) : max_records_(max_records) {}

  // hold() keeps the token for one flow more, release() for one less.
  void hold(const Attribution& attribution);
  void release(ScopeId scope);

  // add() takes a record of a scope that is held. Too many: this one is lost and counted.
  void add(ScopeId scope, FlowRecord record);

  // poll() is at most `max_records` of the scope that has waited longest.
  std::optional<FlowBatch> poll(size_t max_records);

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t token_count() const { return scopes_.size(); }
  uint64_t lost() const { return lost_; }

 private:
  struct Scope {
    SecretText token{};
    size_t flows = 0;
    std::deque<FlowRecord> records{};
  };
  void forget_if_unused(ScopeId scope);

  size_t max_records_;
  size_t size_ = 0;
  uint64_t lost_ = 0;
  std::map<ScopeId, Scope> scopes_;
  std::deque<ScopeId> waiting_;  // Those with records, once each.
};

}  // namespace connlib::flow
