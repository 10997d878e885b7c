#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "snownet/node/peer_id.h"

namespace connlib::snownet::node {

// Drop is why one inbound datagram had no effect. Each has a counter; none has a log line.
enum class Drop : uint8_t {
  kRefusedByAllocation,   // From a relay, and turn::Drop says why.
  kFromFormerRelay,       // STUN or ChannelData of a relay that was removed.
  kUnknownCheck,          // STUN that is for none of our connections.
  kRefusedCheck,          // A check or an answer that the connection's ice::IceDrop explains.
  kNotWireguard,          // Neither STUN nor ChannelData, and no WireGuard message either.
  kUnknownSession,        // A receiver index that nobody has.
  kRecentlyDisconnected,  // For a connection that ended less than five seconds ago.
  kRefusedMessage,        // WireGuard, and wireguard::Drop says why.
  kCount,
};
inline constexpr size_t kDrops = static_cast<size_t>(Drop::kCount);

std::string_view name(Drop drop) noexcept;

struct Consumed {};  // STUN, handshakes, keepalives.
// Delivered is an inner IP packet; it borrows from the datagram. Its source address is unchecked.
struct Delivered {
  PeerId from;
  std::span<uint8_t> packet;
};
using Inbound = std::variant<Consumed, Delivered, Drop>;

}  // namespace connlib::snownet::node
