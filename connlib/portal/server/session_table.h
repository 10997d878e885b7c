#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "connlib/base/wakeup.h"
#include "connlib/portal/server/session.h"

namespace connlib::portal::server {

// SessionTable is all sessions, who of the peers is there now, and which session has output. Of
// one client or gateway one session is current; those that ended are no longer.
class SessionTable {
 public:
  Session& open(Timestamp now, const TokenId& token, Peer peer);
  void close(const SessionId& id);  // Its socket is gone. It must have ended.
  void note_heard(Timestamp now, Session& session);
  void note_ended(Session& session);  // It is nobody's current session from here on.

  Session* find(const SessionId& id) const;  // Null when there is none. Stays in place.
  Session* client(const ClientId& id) const;
  Session* gateway(const GatewayId& id) const;
  const std::map<ClientId, Session*>& clients() const { return clients_; }
  const std::map<GatewayId, Session*>& gateways() const { return gateways_; }
  std::vector<Session*> with_token(const TokenId& token) const;

  // push() sends to a joined session; one that does not read is closed by its channel, and is then
  // found by take_overrun().
  void push(Timestamp now, Session& session, const Encoded& message);
  void note_output(Session& session);
  std::vector<Session*> take_overrun();
  std::optional<SessionId> poll_ready();
  bool has_ready() const { return !ready_.empty(); }

  // Sessions whose peer may have fallen silent.
  std::vector<Session*> take_idle(Timestamp now);
  Timestamp next_idle_at() const;

  size_t size() const { return sessions_.size(); }

 private:
  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  std::map<ClientId, Session*> clients_;
  std::map<GatewayId, Session*> gateways_;
  std::set<std::pair<Timestamp, SessionId>> idle_;
  std::deque<SessionId> ready_;
  std::vector<SessionId> overrun_;
  uint64_t next_id_ = 1;
};

}  // namespace connlib::portal::server
