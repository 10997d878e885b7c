#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "connlib/portal/derivations.h"
#include "connlib/portal/server/account.h"
#include "connlib/portal/server/device_table.h"
#include "connlib/portal/server/grants.h"
#include "connlib/portal/server/pending_authorizations.h"
#include "connlib/portal/server/portal_counters.h"
#include "connlib/portal/server/record.h"
#include "connlib/portal/server/session_table.h"

namespace connlib::portal::server {

// Core is what the parts of PortalState work on together.
struct Core {
  Core(RandomSource& random_source, Tracer& with_tracer, Timestamp at, absl::Time date_then)
      : random(&random_source),
        tracer(&with_tracer),
        now(at),
        date_at(at),
        date_base(date_then),
        devices(random_source),
        relays(random_source),
        pending(random_source) {}

  RandomSource* random;
  Tracer* tracer;

  Timestamp now;
  Timestamp date_at;  // At that instant it was `date_base`.
  absl::Time date_base;

  Account account{};
  Secret<32> ingest_key{};
  std::string api_url{};
  DeviceTable devices;
  RelayPresence relays;
  PendingAuthorizations pending;
  Grants grants{};
  SessionTable sessions{};
  std::map<RelayId, SessionId> relay_sessions{};
  std::deque<Record> records{};
  PortalCounters counters{};

  void note(Timestamp at) { now = std::max(now, at); }
  absl::Time date() const { return date_base + absl::FromChrono(now - date_at); }
  // When it will be `of_date`; for timers.
  Timestamp instant_of(absl::Time of_date) const {
    // Rounded up, so that it is that date when the timer fires.
    return date_at +
           absl::ToChronoNanoseconds(absl::Ceil(of_date - date_base, absl::Nanoseconds(1)));
  }
  void record(Record row) { records.push_back(std::move(row)); }
  template <typename Message>
  void push(Session& session, const Message& message) {
    sessions.push(now, session, encode(message));
  }
};

// What a peer's credentials on relays depend on: the end of its session, if it has one.
inline RelayUser relay_user(const ClientPeer& client) {
  return {client.public_key, client.subject.session_ends_at.value_or(kGatewayRelayLoginExpiry)};
}
inline RelayUser relay_user(const GatewayPeer& gateway) {
  return {gateway.public_key, kGatewayRelayLoginExpiry};
}

}  // namespace connlib::portal::server
