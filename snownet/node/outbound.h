#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "connlib/base/ip.h"
#include "snownet/node/connection_ref.h"
#include "snownet/stun/channel_data.h"
#include "wireguard/noise/messages.h"

namespace connlib::snownet::node {

// SendFailure is why a packet cannot be sealed. Each has a counter; none has a log line.
enum class SendFailure : uint8_t {
  kStillConnecting,       // Keep it until Established.
  kUnknownPeer,           // No such connection.
  kRecentlyDisconnected,  // It ended less than five seconds ago.
  kFailed,                // It is about to be reported as such.
  kNoSession,             // Keys ran out and new ones are on their way: queue_packet().
  kNoChannel,             // Our relay does not carry to there yet, or is gone. The packet is lost.
  kTooLarge,              // Beyond kMaxPacketBytes.
  kCount,
};
inline constexpr size_t kSendFailures = static_cast<size_t>(SendFailure::kCount);

std::string_view name(SendFailure failure) noexcept;

// OutboundRoute is how one run of packets leaves, looked up once per run. It is good until the next
// call of the node that is not seal() or datagram_bytes(); a stale one makes seal() say false.
//
//   | ChannelData 4, on relayed paths | WireGuard header 16 | packet | padding, tag |
class OutboundRoute {
 public:
  const SocketAddress& remote() const { return remote_; }
  // Where datagrams must leave from; nullopt: anywhere, as towards relays.
  const std::optional<SocketAddress>& source() const { return source_; }
  std::optional<IpAddress> source_ip() const {
    return source_ ? std::optional(source_->ip) : std::nullopt;
  }
  size_t framing_bytes() const { return channel_ ? stun::kChannelDataHeaderBytes : 0; }
  // Where in its datagram the packet lies before it is sealed.
  size_t packet_offset() const { return framing_bytes() + wireguard::kDataHeaderBytes; }

 private:
  friend class Node;
  SocketAddress remote_;
  std::optional<SocketAddress> source_;
  std::optional<stun::ChannelNumber> channel_;
  ConnectionRef connection_;
};

// What encapsulate() did with a packet.
enum class Encapsulated : uint8_t {
  kSealed,       // It lies in the run.
  kQueued,       // It waits for new keys; poll_transmit() will give it.
  kRunMismatch,  // Nothing: this run is full, or goes elsewhere. Send it and come again.
};

}  // namespace connlib::snownet::node
