#pragma once

#include <cstddef>

#include "connlib/base/timestamp.h"
#include "snownet/ice/timing.h"
#include "snownet/stun/channel_data.h"
#include "wireguard/noise/messages.h"

namespace connlib::snownet::node {

// Sizes (snownet §0).
inline constexpr size_t kMaxPacketBytes = 1280;  // The inner MTU: longer packets are refused.
inline constexpr size_t kMaxDatagramBytes =
    kMaxPacketBytes + wireguard::kDataMinBytes + stun::kChannelDataHeaderBytes;
static_assert(kMaxDatagramBytes == 1316);

// Life of a connection (snownet §4).
inline constexpr Duration kCandidateWait = 10s;      // From the beginning to a signalled candidate.
inline constexpr Duration kDisconnectGrace = 2s;     // While no pair ever worked.
inline constexpr Duration kIdleThreshold = 20s;      // Without packets or candidates.
inline constexpr Duration kHandshakeGap = 20s;       // Between handshakes we start for a new path.
inline constexpr Duration kHandshakePatience = 20s;  // Then an unanswered series is given up.
// Ours: each message of the first handshake that is lost would cost 5 s more. So it is repeated
// after one and a half round trips of the path, but not sooner than this.
inline constexpr Duration kMinHandshakeRepeat = 500ms;
inline constexpr Duration kMaxHandshakeRepeat = 5s;
static_assert(ice::kClientDefaultTiming.answered_timeout() < kHandshakePatience,
              "a tunnel must be able to move to another pair before it gives up");
static_assert(ice::kClientDefaultTiming.answered_timeout() < kIdleThreshold,
              "a dead pair must be noticed before the connection falls asleep");

// Ours: a path through one of our relays that misses this many answers makes us ask the relay
// (D6), at most this often per connection.
inline constexpr size_t kMissesBeforeRelayCheck = 2;
inline constexpr Duration kRelayCheckGap = 5s;
// Likewise one on which nothing has arrived for so long, while packets flow: the peer's checks are
// due more often than that. A controlled end with its own leisurely checks has nothing else to go
// by.
inline constexpr Duration kRelayQuiet = 3s;
static_assert(kRelayQuiet >= 2 * ice::kClientDefaultTiming.max_rto);

// Steps of one timeout; further ones wait for the next.
inline constexpr size_t kMaxStepsPerTimeout = 8;

// Memory. Each says in its own file what happens at the limit.
inline constexpr size_t kMaxBufferedMessages = 128;  // WireGuard messages without a path.
inline constexpr size_t kMaxQueuedPackets = 16;      // Packets without a session.
inline constexpr size_t kMaxRelays = 16;
inline constexpr size_t kMaxFormerRelaySockets = 64;
inline constexpr size_t kMaxParkedCandidates = 16;  // Per peer that is not there yet.
inline constexpr size_t kMaxParkedPeers = 64;
inline constexpr Duration kParkingTime = 5s;
inline constexpr Duration kRecentMemory = 5s;  // Of connections that ended.
inline constexpr size_t kMaxRecent = 4096;
inline constexpr Duration kCheckMemory = 10s;  // Of checks on their way.
inline constexpr size_t kMaxChecksInFlight = 65536;
inline constexpr size_t kMaxQueuedTransmits = 16384;
// Four for each of the most connections: what one change of relays makes of them.
inline constexpr size_t kMaxQueuedEvents = size_t{4} * 65536;

// A network change is taken for a false alarm when a relay confirms our allocation within this time
// (D12).
inline constexpr Duration kFalseAlarmWait = 1s;

}  // namespace connlib::snownet::node
