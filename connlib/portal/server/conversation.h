#pragma once

#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "connlib/portal/server/authorizer.h"
#include "connlib/portal/server/core.h"

namespace connlib::portal::server {

// The device of a session; relays have none.
std::optional<DeviceId> device_of(const Session& session);

// Conversation is what is said on sessions from their upgrade to their end. Private.
class Conversation {
 public:
  explicit Conversation(Core& core) : core_(&core), authorizer_(core) {}

  // open() begins a session; an older one of the same device ends.
  SessionId open(const TokenId& token, Peer peer);
  void handle_text(const SessionId& id, std::string_view text);
  void handle_closed(const SessionId& id);
  void handle_timeout();
  Wakeup poll_timeout() const;

  // disconnect() logs a peer out; close() lets it come back. Both end the session.
  void disconnect(Session& session);
  void close(Session& session, uint16_t code);

  // update_view() tells a client how its list changed and notes when to look again.
  void update_view(Session& session, const std::set<ResourceId>& edited);

  // settle() ends sessions whose peers do not read what they are sent.
  void settle();

  Authorizer& authorizer() { return authorizer_; }

 private:
  void leave(Session& session);
  void handle_join(Session& session, const PeerFrame& frame);
  void join_relay(Session& session, RelayPeer& relay, const PeerFrame& frame);
  void schedule_view(Session& session);
  void handle_views();
  void tell_relays();
  bool allow(Session& session);

  void handle_message(Session& session, const PeerFrame& frame);
  void handle(Session& session, const FromClient& message);
  void handle(Session& session, Ref ref, const FromGateway& message);
  void reply_unknown(Session& session, Ref ref);
  void send_relays(Session& session);
  void forward(const ClientPeer& client, const GatewayCandidates& message);
  void forward(const GatewayPeer& gateway, const BroadcastCandidates& message);

  Core* core_;
  Authorizer authorizer_;
  std::set<std::pair<absl::Time, SessionId>> views_;  // When clients' lists change by themselves.
};

}  // namespace connlib::portal::server
