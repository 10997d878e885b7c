#include "connlib/flow/flow_tracker.h"

#include <algorithm>
#include <utility>

#include "connlib/base/check.h"

namespace connlib::flow {
namespace {

constexpr Duration kTick = 1s;

}  // namespace

FlowTracker::FlowTracker(Timestamp now, absl::Time date, const Limits& limits)
    : start_(now), date_(date), flows_(limits.flows, kTick, now), outbox_(limits.queued_records) {
  CONNLIB_CHECK(limits.flows > 0);
}

void FlowTracker::enable(size_t batch_size) {
  is_enabled_ = true;
  batch_size_ = batch_size == 0 ? kDefaultBatchSize : std::min(batch_size, kMaxBatchSize);
}

void FlowTracker::disable(Timestamp now) {
  is_enabled_ = false;
  end_all(now);
}

void FlowTracker::handle_packet(Timestamp now, const Observation& seen,
                                absl::FunctionRef<std::string()> domain) {
  if (!is_enabled_ || !seen.attribution.has_token()) return;
  const FlowKey key = FlowKey::of(seen.attribution.scope, seen.packet, seen.direction);
  if (const auto slot = flows_.find(key)) {
    const Flow& known = flows_.at(*slot);
    const bool is_on_new_path = !known.is_on_path(seen.outer_source, seen.outer_destination);
    if (known.expires_at() <= now) {
      end(known.expires_at(), *slot);
    } else if (known.splits(seen.packet, is_on_new_path)) {
      end(now, *slot);
    } else {
      if (is_on_new_path) flows_.at(*slot).add_path(path_of(now, seen));
      count(now, *slot, seen);
      return;
    }
  }
  if (seen.packet.may_open()) open(now, key, seen, domain());
}

void FlowTracker::open(Timestamp now, const FlowKey& key, const Observation& seen,
                       std::string domain) {
  if (flows_.is_full()) {
    const Table::Slot victim = flows_.victim();
    end(std::min(now, flows_.at(victim).expires_at()), victim);
    ++evictions_;
  }
  outbox_.hold(seen.attribution);
  Flow flow(now, std::move(domain));
  if (seen.outer_destination) flow.add_path(path_of(now, seen));
  const auto slot = flows_.insert(key, std::move(flow));
  outbox_.add(key.scope, describe(key, flows_.at(slot)));
  count(now, slot, seen);
}

void FlowTracker::count(Timestamp now, Table::Slot slot, const Observation& seen) {
  Flow& flow = flows_.at(slot);
  flow.count(now, seen.packet, seen.direction);
  if (flow.is_over()) end(now, slot);
}

void FlowTracker::end(Timestamp at, Table::Slot slot) {
  const FlowKey& key = flows_.key_at(slot);
  const ScopeId scope = key.scope;
  const Flow& flow = flows_.at(slot);
  FlowRecord record = describe(key, flow);
  record.end = FlowEnd{.at = date_of(at),
                       .last_packet = date_of(flow.last_packet()),
                       .rx_packets = flow.rx().packets,
                       .tx_packets = flow.tx().packets,
                       .rx_bytes = flow.rx().bytes,
                       .tx_bytes = flow.tx().bytes};
  outbox_.add(scope, std::move(record));
  outbox_.release(scope);
  flows_.erase(slot);
}

void FlowTracker::end_all(Timestamp now) {
  flows_.for_each(
      [&](Table::Slot slot) { end(std::min(now, flows_.at(slot).expires_at()), slot); });
}

void FlowTracker::handle_timeout(Timestamp now) {
  while (const auto slot = flows_.take_expired(now)) end(flows_.at(*slot).expires_at(), *slot);
}

Wakeup FlowTracker::poll_timeout() const {
  const Timestamp at = flows_.next_at();
  return at.is_never() ? Wakeup::none() : Wakeup{at, "end idle flows"};
}

FlowRecord FlowTracker::describe(const FlowKey& key, const Flow& flow) const {
  return {.protocol = key.protocol,
          .initiator = key.initiator,
          .responder = key.responder,
          .domain = flow.domain(),
          .outers = {flow.outers().begin(), flow.outers().end()},
          .start = date_of(flow.start())};
}

OuterPath FlowTracker::path_of(Timestamp now, const Observation& seen) const {
  return {seen.outer_source, *seen.outer_destination, date_of(now)};
}

}  // namespace connlib::flow
