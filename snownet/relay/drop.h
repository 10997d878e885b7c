#pragma once

#include <cstdint>

namespace connlib::snownet::relay {

// Drop is why a datagram came to nothing. It costs one counter and no answer.
enum class Drop : uint8_t {
  kSourceCannotBeAnswered,  // Port 0, multicast, broadcast, or our own listening socket.
  kNotOurs,                 // Neither STUN nor ChannelData.
  kNotARequest,             // A relay answers neither indications nor responses.
  kWrongFingerprint,
  kReplyLimit,         // The source got its share of unauthenticated replies.
  kQueueFull,          // Responses wait to be polled.
  kAllocationOpening,  // The client will ask again, and the sockets may exist by then.
  kBadChannelData,     // Shorter than its own length, or a reserved number.
  kUnknownChannel,     // No allocation, or the number is not bound.
  kUnknownPeer,        // No channel is bound to this peer on this port.
  kTooLong,            // Does not fit one datagram on the other side.
  kRateLimit,
  kCount
};

// name() is for metrics and traces: "unknown_peer".
const char* name(Drop drop) noexcept;

}  // namespace connlib::snownet::relay
