#pragma once

#include <cstdint>
#include <string>

#include "connlib/portal/handshake_response.h"

namespace connlib::portal::server {

// UpgradeRefusal is why a WebSocket does not come to be (spec portal-protocol 1.6). Only the two
// that blame the token are final for a peer.
struct UpgradeRefusal {
  enum class Code : uint8_t {
    kNotFound,                 // 404: no such endpoint.
    kInvalidConnectParams,     // 400
    kInvalidToken,             // 401: unknown, expired, of another kind, of a disabled actor.
    kMissingToken,             // 401
    kLimitsExceeded,           // 402: too many devices.
    kGatewayAlreadyConnected,  // 409: under another token.
    kRateLimit,                // 503, come back in a second.
    kUnhandledConnectError,    // 500
  };
  Code code = Code::kUnhandledConnectError;
  std::string detail;  // For people.
};

// to_response() is the answer as HTTP.
HandshakeResponse to_response(const UpgradeRefusal& refusal);

}  // namespace connlib::portal::server
