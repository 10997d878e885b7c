#pragma once

#include <cstdint>
#include <string_view>

#include "wireguard/session/session.h"

namespace connlib::wireguard {

// Drop is why one inbound datagram was ignored. Each has a counter; none has a log line.
enum class Drop : uint8_t {
  kUnknownType,        // Not a WireGuard message: type word or length.
  kBadMac1,            // Not addressed to our key.
  kUnderLoad,          // Over a handshake limit; a cookie reply may have gone out.
  kUnknownIndex,       // No session or pending handshake has this receiver index.
  kUnknownPeer,        // The static key inside an initiation is nobody's.
  kBadHandshake,       // A handshake message did not decrypt.
  kReplayedTimestamp,  // Initiation not newer than the last accepted one.
  kFlood,              // Initiation within 20 ms of the last accepted one.
  kBadCookieReply,     // Not for our latest handshake message, or did not decrypt.
  kBadTag,             // Data did not authenticate.
  kReplayed,           // Counter too old or a duplicate.
  kCounterLimit,       // Counter at or beyond kRejectAfterMessages.
  kSessionExpired,     // Session older than 180 s.
  kMalformedInner,     // Authenticated, but no IP packet inside.
  kCount,
};

std::string_view drop_name(Drop drop);

// drop_of() is the same reason in the words of a whole tunnel.
Drop drop_of(OpenFailure failure);

}  // namespace connlib::wireguard
