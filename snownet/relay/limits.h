#pragma once

#include <cstddef>
#include <cstdint>

#include "connlib/base/timestamp.h"
#include "snownet/stun/channel_data.h"

namespace connlib::snownet::relay {

inline constexpr Duration kDefaultAllocationLifetime = 10min;  // RFC 8656 §7.2
inline constexpr Duration kMaxAllocationLifetime = 60min;      // RFC 8656 §7.2
inline constexpr Duration kChannelLifetime = 10min;            // RFC 8656 §12
inline constexpr Duration kChannelCooldown = 5min;  // RFC 8656 §12: number and peer stay reserved.

inline constexpr uint32_t kChannelsPerAllocation =
    stun::kLastChannel.value() - stun::kFirstChannel.value() + 1u;
// What RFC 5766 allowed; RFC 8656 gave the numbers above 0x4fff to others.
inline constexpr stun::ChannelNumber kLastRfc5766Channel{0x7fff};
inline constexpr size_t kMaxRequestBytes = 1500;   // Ours: no request of a client is longer.
inline constexpr size_t kMaxQueuedOutputs = 1024;  // Ours: responses, and commands, not yet polled.
inline constexpr int kMaxPortAttempts = 8;         // Ours: then the machine's ports are in trouble.
inline constexpr size_t kMaxDatagramBytesV4 = 65507;  // 65535 less IPv4 and UDP headers.
inline constexpr size_t kMaxDatagramBytesV6 = 65527;  // 65535 less the UDP header.
inline constexpr Duration kRateBurst = 250ms;  // Ours: what a rate-limited flow may send at once.

// An answer to somebody who has proved nothing is at most 3/2 of what asked for it, IP and UDP
// headers counted.
inline constexpr size_t kAmplificationNumerator = 3;
inline constexpr size_t kAmplificationDenominator = 2;

// Limits are what an operator may choose. At a limit the answer is in the comment.
struct Limits {
  uint32_t allocations = 16384;           // 508
  uint32_t allocations_per_user = 8;      // The user's oldest one is deleted.
  uint32_t allocations_per_source = 256;  // 486; a source is an IPv4 address or an IPv6 /64.
  uint32_t channels = 65536;              // 508; of the whole relay.
  uint32_t unauthenticated_replies_per_second = 50;  // Silence; per source.
  uint32_t unauthenticated_reply_burst = 100;
  uint64_t bits_per_second_per_allocation = 0;  // Data is dropped; 0 is no limit.
  uint64_t bits_per_second = 0;                 // Data is dropped; 0 is no limit.
};

}  // namespace connlib::snownet::relay
