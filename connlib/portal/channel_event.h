#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "connlib/base/strong.h"
#include "connlib/base/timestamp.h"
#include "connlib/portal/envelope.h"

namespace connlib::portal {

// SocketId tells one WebSocket from the next; what an older one says is ignored.
using SocketId = Strong<struct SocketIdTag, uint64_t>;

// SocketCommand is what a shell shall do with its one WebSocket to the portal.
struct Dial {
  SocketId socket;  // Resolve afresh; 5 s for TCP. The session gives up after 15 s in all.
};
struct CloseSocket {
  SocketId socket;
  std::optional<uint16_t> code;  // Of the Close frame; none: drop the TCP connection.
};
using SocketCommand = std::variant<Dial, CloseSocket>;

inline constexpr uint16_t kCloseNormal = 1000;  // RFC 6455 §7.4.1.
inline constexpr uint16_t kCloseProtocolError = 1002;
inline constexpr uint16_t kCloseTooBig = 1009;
inline constexpr uint16_t kCloseServiceRestart = 1012;

// What a session tells its owner, besides messages.
struct Joined {};  // From here on messages can be sent. Again after every reconnect.
struct Lost {      // Messages cannot be sent. Tunnels are not concerned (spec 0.12).
  const char* reason = "";
  Timestamp retry_at;
};

// Ended is final: no retry happens.
struct Ended {
  enum class Why : uint8_t {
    kTokenRejected,       // Discard the token; the user must sign in.
    kUnauthorized,        // The token may be good.
    kJoinRefused,         // "login failed"
    kCertificateRevoked,  // The device's certificate; the token may be good.
    kSigningDeclined,     // The device's key would not sign the TLS handshake.
    kRetriesExhausted,    // Not a matter of signing in.
  };
  Why why = Why::kRetriesExhausted;
  std::string message;
};

}  // namespace connlib::portal
