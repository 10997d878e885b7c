#pragma once

#include <optional>
#include <string>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/base/strong.h"
#include "connlib/portal/portal_channel.h"
#include "connlib/portal/server/peer_agent.h"
#include "connlib/portal/server/relay_presence.h"
#include "connlib/portal/server/request_allowance.h"
#include "connlib/portal/server/resource_view.h"
#include "connlib/portal/server/session_id.h"
#include "connlib/portal/server/token.h"

namespace connlib::portal::server {

struct ClientPeer {
  ClientId id;
  PublicKey public_key;
  policy::Subject subject;
  std::string user_agent;
  PeerAgent agent;
  RelayMemory relays{};
  ResourceView view{};
};

struct GatewayPeer {
  GatewayId id;
  SiteId site;
  PublicKey public_key;
  std::optional<policy::Version> version;
  RelayMemory relays{};
};

struct RelayPeer {
  Login::RelayAddress address;
  std::optional<RelayId> id{};  // Since it joined.
};

using Peer = std::variant<ClientPeer, GatewayPeer, RelayPeer>;

// Session is one WebSocket and who is behind it. It stays when it has ended, until its socket is
// closed.
struct Session {
  SessionId id;
  TokenId token;
  PortalChannel channel;
  Peer peer;
  RequestAllowance allowance{};
  bool has_ended = false;
  bool is_ready = false;  // Is in the list of those with output.
  Timestamp idle_at{};
};

// Peer's alternatives stand in the order of Role.
static_assert(static_cast<size_t>(Role::kClient) == 0 && static_cast<size_t>(Role::kRelay) == 2);
inline Role role_of(const Session& session) { return static_cast<Role>(session.peer.index()); }

}  // namespace connlib::portal::server
