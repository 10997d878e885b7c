#pragma once

#include <cstddef>

#include "connlib/base/timestamp.h"

namespace connlib::client {

// Everything in the client that can grow, and where it stops (spec tunnel 13). Lines marked "ours"
// have no counterpart in the specification.
inline constexpr size_t kMaxResources = 8192;             // Ours. More are refused and counted.
inline constexpr size_t kMaxKnownGateways = 256;          // Ours. The longest unseen is forgotten.
inline constexpr size_t kMaxPendingAuthorizations = 256;  // Ours. The longest quiet gives way.
inline constexpr size_t kWaitingPackets = 128;            // Per pending authorization.
inline constexpr size_t kWaitingQueries = 128;            // Per pending authorization.
inline constexpr size_t kConnectingPackets = 128;         // Per connecting peer and kind.
inline constexpr size_t kMaxHeldCandidates = 64;          // Ours. Per peer and direction.
inline constexpr size_t kMaxAllowedSources = 1 << 16;     // Ours. Per gateway.

inline constexpr size_t kMaxInboundGrants = 4096;    // Ours. Per client; more are refused.
inline constexpr size_t kMaxPeerNames = 16384;       // Ours. Gateways and clients together.
inline constexpr size_t kMaxQueuedPackets = 4096;    // Ours. For the TUN; the oldest is lost.
inline constexpr size_t kMaxArrivals = 256;          // Ours. Of one receive; more are lost.
inline constexpr size_t kMaxQueuedTransmits = 4096;  // Ours. Replayed; the oldest is lost.
inline constexpr size_t kMaxQueuedEvents = 1024;     // Ours. The oldest is lost.

inline constexpr Duration kOfflineSiteMemory = 5min;  // Spec tunnel 2.8.
inline constexpr Duration kRequestCooldown = 2s;      // Per key (spec tunnel 2.5).

// Ours (decisions): requests are repeated on a timer too, while something waits for an answer.
inline constexpr Duration kFirstRetry = 2s;
inline constexpr Duration kLongestRetry = 1min;
inline constexpr int kMaxTimedRetries = 8;  // Afterwards only traffic asks again.
static_assert(kFirstRetry >= kRequestCooldown);

}  // namespace connlib::client
