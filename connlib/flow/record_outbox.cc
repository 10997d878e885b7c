#include "connlib/flow/record_outbox.h"

#include <algorithm>
#include <utility>

#include "connlib/base/check.h"

namespace connlib::flow {

void RecordOutbox::hold(const Attribution& attribution) {
  Scope& scope = scopes_[attribution.scope];
  if (scope.token.empty()) scope.token = attribution.token.clone();
  ++scope.flows;
}

void RecordOutbox::release(ScopeId scope) {
  const auto found = scopes_.find(scope);
  CONNLIB_CHECK(found != scopes_.end() && found->second.flows > 0);
  --found->second.flows;
  forget_if_unused(scope);
}

void RecordOutbox::add(ScopeId scope, FlowRecord record) {
  const auto found = scopes_.find(scope);
  CONNLIB_CHECK(found != scopes_.end());
  if (size_ >= max_records_) {
    ++lost_;
    return;
  }
  if (found->second.records.empty()) waiting_.push_back(scope);
  found->second.records.push_back(std::move(record));
  ++size_;
}

std::optional<FlowBatch> RecordOutbox::poll(size_t max_records) {
  if (waiting_.empty()) return std::nullopt;
  const ScopeId id = waiting_.front();
  waiting_.pop_front();
  Scope& scope = scopes_.at(id);
  FlowBatch batch{.token = scope.token.clone()};
  const size_t count = std::min(max_records, scope.records.size());
  batch.records.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    batch.records.push_back(std::move(scope.records.front()));
    scope.records.pop_front();
  }
  size_ -= count;
  if (!scope.records.empty()) waiting_.push_back(id);
  forget_if_unused(id);
  return batch;
}

void RecordOutbox::forget_if_unused(ScopeId scope) {
  const auto found = scopes_.find(scope);
  if (found->second.flows == 0 && found->second.records.empty()) scopes_.erase(found);
}

}  // namespace connlib::flow
