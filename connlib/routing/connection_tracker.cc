#include "connlib/routing/connection_tracker.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::routing {
namespace {

constexpr Duration kTick = 1s;

}  // namespace

ConnectionTracker::ConnectionTracker(Timestamp now, size_t max_flows)
    : ours_(max_flows, kTick, now), peers_(max_flows, kTick, now) {
  CONNLIB_CHECK(max_flows > 0);
}

bool ConnectionTracker::is_alive(const Table& table, const FlowKey& flow, Timestamp now) {
  const auto slot = table.find(flow);
  return slot.has_value() && table.at(*slot).expires_at() > now;
}

bool ConnectionTracker::extend(Table& table, const FlowKey& flow, Timestamp now) {
  const auto slot = table.find(flow);
  if (!slot) return false;
  Flow& entry = table.at(*slot);
  if (entry.expires_at() <= now) return false;
  entry.last_seen = std::max(entry.last_seen, now);
  return true;
}

void ConnectionTracker::note(Table& table, const FlowKey& flow, Timestamp now) {
  if (const auto slot = table.find(flow)) {
    Flow& entry = table.at(*slot);
    entry.last_seen = std::max(entry.last_seen, now);
    return;
  }
  if (table.is_full()) {
    table.erase(table.victim());
    ++evictions_;
  }
  table.insert(flow, {now, flow_lifetime(flow.local.kind)});
}

void ConnectionTracker::handle_timeout(Timestamp now) {
  for (Table* table : {&ours_, &peers_}) {
    while (const auto slot = table->take_expired(now)) table->erase(*slot);
  }
}

Wakeup ConnectionTracker::poll_timeout() const {
  const Timestamp at = std::min(ours_.next_at(), peers_.next_at());
  return at.is_never() ? Wakeup::none() : Wakeup{at, "expire flows with a client"};
}

}  // namespace connlib::routing
