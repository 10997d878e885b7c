#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connlib/base/ip.h"
#include "connlib/base/secret_text.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/portal_url.h"

namespace connlib::portal {

// Role is which of the portal's channels a peer joins; its topic has the same name.
enum class Role : uint8_t { kClient, kGateway, kRelay };
std::string_view topic_of(Role role);

// Login is who a peer is, for as long as its process lives (spec portal-protocol 1.2). Roles send
// what concerns them.
struct Login {
  // Identifiers of the machine, where the platform has them.
  struct Hardware {
    std::optional<std::string> device_serial{};
    std::optional<std::string> device_uuid{};
    std::optional<std::string> identifier_for_vendor{};
    std::optional<std::string> firebase_installation_id{};
  };
  // Where a relay listens.
  struct RelayAddress {
    std::optional<Ipv4Address> ipv4{};
    std::optional<Ipv6Address> ipv6{};
    uint16_t port = 3478;
  };
  Role role = Role::kClient;
  PortalUrl url{};
  std::string external_id{};  // See derive_external_id().
  std::string name{};         // May be empty for relays.
  Hardware hardware{};        // Clients.
  RelayAddress relay{};       // Relays.
  SecretText token{};         // Whitespace within is removed; empty sends no header.
  std::string user_agent{};   // to_text() of a UserAgent.
};

// ConnectRequest is one WebSocket upgrade, as data for a shell. No Origin, no subprotocol, no
// extension goes along.
struct ConnectRequest {
  bool is_secure = true;
  std::string host;  // To resolve, for SNI, and as the Host header: without the port.
  uint16_t port = 443;
  std::string target;  // Path and query.
  std::string user_agent;
  std::optional<SecretText> x_authorization;  // The value of that header (not Authorization).
};

// The key is that of the moment: a client that renewed it connects with the new one.
ConnectRequest make_connect_request(const Login& login, const std::optional<PublicKey>& public_key);

// UserAgent says what runs on what: "Ubuntu/24.04 connlib/0.1.0 (x86_64; 6.8.0-45-generic)".
struct UserAgent {
  std::string os;
  std::string os_version;
  std::string component;
  std::string version;
  std::string architecture;  // With an empty one there are no parentheses.
  std::string kernel;
};
std::string to_text(const UserAgent& agent);  // ASCII: other characters are left out.

}  // namespace connlib::portal
