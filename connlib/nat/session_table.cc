#include "connlib/nat/session_table.h"

#include "connlib/base/check.h"

namespace connlib::nat {
namespace {

constexpr Duration kTick = 1s;

// Visits all of 1 to 65535, far apart: it has no divisor in common with 65535.
constexpr uint32_t kStride = 40'507;
constexpr uint32_t kPorts = 65'535;

}  // namespace

SessionTable::SessionTable(Timestamp now, const Limits& limits)
    : sessions_(limits.sessions, kTick, now), tombstones_(limits.tombstones) {
  CONNLIB_CHECK(limits.sessions > 0);
}

bool SessionTable::make_free(const SessionKey& outside, Timestamp now) {
  const auto found = by_outside_.find(outside);
  if (found == by_outside_.end()) return true;
  if (!sessions_.at(found->second).is_expired(now)) return false;
  end(found->second);
  return true;
}

std::optional<SessionKey> SessionTable::find_free(const SessionKey& inside, const IpAddress& real,
                                                  Timestamp now) {
  SessionKey outside = inside;
  outside.resource_ip = real;
  if (make_free(outside, now)) return outside;
  // The next higher ports, from 65535 on to 1 (lesson ea6415539d); then, where a client has filled
  // a whole range, samples of all.
  const uint32_t start = inside.value == 0 ? kPorts - 1 : inside.value - 1u;
  for (uint32_t i = 1; i <= kMaxPortsTried; ++i) {
    const uint32_t step = i <= kNeighboursTried ? i : (i * kStride) % kPorts;
    outside.value = static_cast<uint16_t>(1 + (start + step) % kPorts);
    if (make_free(outside, now)) return outside;
  }
  return std::nullopt;
}

std::optional<SessionKey> SessionTable::translate_outbound(const SessionKey& inside,
                                                           const IpAddress& real,
                                                           const TcpSigns& signs, Timestamp now) {
  if (const auto slot = sessions_.find(inside)) {
    Session& session = sessions_.at(*slot);
    if (!session.is_expired(now)) {
      if (session.handle_outgoing(signs, now)) sessions_.sooner(*slot);
      return session.outside();
    }
    end(*slot);
  }
  if (sessions_.is_full()) {
    end(sessions_.victim());
    ++evictions_;
  }
  const auto outside = find_free(inside, real, now);
  if (!outside) return std::nullopt;
  Session session(*outside, now);
  session.handle_outgoing(signs, now);
  by_outside_[*outside] = sessions_.insert(inside, session);
  ++by_proxy_[inside.resource_ip];
  tombstones_.remove(*outside);
  return outside;
}

SessionTable::Inbound SessionTable::translate_inbound(const SessionKey& outside,
                                                      const TcpSigns& signs, Timestamp now) {
  const auto found = by_outside_.find(outside);
  if (found == by_outside_.end()) {
    return tombstones_.contains(outside) ? Miss::kExpired : Miss::kUnknown;
  }
  const Slot slot = found->second;
  Session& session = sessions_.at(slot);
  if (session.is_expired(now)) return Miss::kExpired;
  if (session.handle_incoming(signs, now)) sessions_.sooner(slot);
  return sessions_.key_at(slot);
}

void SessionTable::end(Slot slot) {
  const SessionKey outside = sessions_.at(slot).outside();
  by_outside_.erase(outside);
  const auto count = by_proxy_.find(sessions_.key_at(slot).resource_ip);
  if (--count->second == 0) by_proxy_.erase(count);
  tombstones_.add(outside);
  sessions_.erase(slot);
}

void SessionTable::end_all() {
  sessions_.for_each([this](Slot slot) { tombstones_.add(sessions_.at(slot).outside()); });
  sessions_.clear();
  by_outside_.clear();
  by_proxy_.clear();
}

void SessionTable::handle_timeout(Timestamp now) {
  while (const auto slot = sessions_.take_expired(now)) end(*slot);
}

}  // namespace connlib::nat
