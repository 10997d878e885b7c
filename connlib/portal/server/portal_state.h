#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "connlib/portal/server/account.h"
#include "connlib/portal/server/portal_counters.h"
#include "connlib/portal/server/record.h"
#include "connlib/portal/server/session_id.h"
#include "connlib/portal/server/upgrade_origin.h"
#include "connlib/portal/server/upgrade_request.h"

namespace connlib::portal::server {

inline constexpr size_t kMaxSessions = 100'000;     // Ours: beyond, upgrades get 503.
inline constexpr size_t kMaxBroadcastClients = 64;  // Ours: of one message of a gateway.
inline constexpr uint16_t kCloseGoingAway = 1001;   // RFC 6455 §7.4.1.

// Stored is what the portal knew before it was restarted.
struct Stored {
  Account account{};
  std::vector<DeviceRow> devices{};
  std::vector<GrantRow> grants{};
  Secret<32> ingest_key{};  // Signs tokens for flow logs.
  std::string api_url{};    // Of the portal itself, told to peers.
};

// PortalState is the portal of one account, without sockets and without a store (README.md says how
// a shell drives it). It decides who is let in, tells every peer what it has to know, brings
// clients and gateways together, and takes back what is not permitted any more.
class PortalState {
 public:
  // Rows that contradict each other are left out; grants that hold no longer end at once.
  PortalState(Stored stored, RandomSource& random, Tracer& tracer, Timestamp now, absl::Time date);
  ~PortalState();
  PortalState(const PortalState&) = delete;
  PortalState& operator=(const PortalState&) = delete;

  // --- Sockets. `token` is the row that a shell found for the request's token.
  std::variant<SessionId, UpgradeRefusal> handle_upgrade(Timestamp now,
                                                         const UpgradeRequest& request,
                                                         const Token& token,
                                                         const UpgradeOrigin& origin);
  void handle_text(Timestamp now, const SessionId& session, std::string_view text);
  void handle_closed(Timestamp now, const SessionId& session);
  void handle_timeout(Timestamp now);
  void handle_date(Timestamp now, absl::Time date);  // The wall clock, which may have been set.

  // --- What an administrator did. Everybody concerned is told at once.
  void handle_account(Timestamp now, Account account);
  void handle_token_revoked(Timestamp now, const TokenId& token);
  void handle_device_verified(Timestamp now, const DeviceId& device, bool is_verified);
  void handle_device_removed(Timestamp now, const DeviceId& device);

  // --- Outputs. Write all records before anything is sent.
  [[nodiscard]] std::optional<Record> poll_record();
  // A session that has frames to send or a close, each once until it has more.
  [[nodiscard]] std::optional<SessionId> poll_ready();
  [[nodiscard]] std::optional<std::string> poll_transmit(const SessionId& session);
  [[nodiscard]] std::optional<uint16_t> poll_close(const SessionId& session);
  [[nodiscard]] Wakeup poll_timeout() const;

  // --- For people who look.
  const PortalCounters& counters() const;
  size_t sessions() const;  // Also those that ended and whose sockets are still open.
  std::vector<GrantRow> grants() const;
  bool is_online(const DeviceId& device) const;  // Connected and joined.

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace connlib::portal::server
