#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "connlib/base/secret_text.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/connect_request.h"
#include "connlib/portal/server/peer_agent.h"
#include "connlib/portal/server/upgrade_refusal.h"

namespace connlib::portal::server {

inline constexpr size_t kMaxTargetBytes = 8192;    // Ours: path and query.
inline constexpr size_t kMaxUserAgentBytes = 512;  // Ours.
inline constexpr size_t kMaxTokenBytes = 2048;     // Ours.
inline constexpr size_t kMaxTextCharacters = 255;  // Spec portal-protocol 1.2: of names and ids.

// UpgradeHeaders are what matters of an HTTP request for a WebSocket. They borrow.
struct UpgradeHeaders {
  std::string_view target;  // Path and query, as in the request line.
  std::string_view user_agent;
  std::optional<std::string_view> x_authorization;
};

// UpgradeRequest is who wants to connect, and as what (spec 1.2, 1.3). Nothing of it is proved yet.
struct UpgradeRequest {
  Role role = Role::kClient;
  SecretText token;
  std::string external_id{};  // Of clients and gateways, as the next three.
  std::string name{};
  PublicKey public_key{};
  Login::Hardware hardware{};     // Of clients.
  Login::RelayAddress address{};  // Of relays; one family at least.
  std::string user_agent{};
  PeerAgent agent{};
};

// parse_upgrade_request() takes any text. What is wrong with several parameters is told at once.
std::variant<UpgradeRequest, UpgradeRefusal> parse_upgrade_request(const UpgradeHeaders& headers);

}  // namespace connlib::portal::server
