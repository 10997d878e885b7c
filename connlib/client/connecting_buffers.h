#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "connlib/client/peer_name.h"
#include "connlib/client/unique_packet_buffer.h"

namespace connlib::client {

// ConnectingBuffers keeps packets for peers whose connection does not stand yet (spec tunnel 2.7).
// From the first packet that had to wait, everything for that peer waits, so order is preserved.
// Packets of applications are routed again once the connection stands, for the policy may have
// changed meanwhile (lesson 991a334715); what we made ourselves for that peer is sent as it is.
class ConnectingBuffers {
 public:
  struct Waiting {
    std::vector<UniquePacketBuffer::Packet> routed;    // To be routed again.
    std::vector<UniquePacketBuffer::Packet> for_peer;  // Control packets, ICMP: to be sent as is.
  };

  explicit ConnectingBuffers(size_t capacity) : capacity_(capacity) {}

  // is_waiting(): whether packets for `peer` must queue up behind others.
  bool is_waiting(const PeerName& peer) const { return peers_.contains(peer); }

  // False when the oldest packet was lost for it.
  bool push_routed(const PeerName& peer, std::span<const uint8_t> packet);
  bool push_for_peer(const PeerName& peer, std::span<const uint8_t> packet);

  // take() is for connections that stand, drop() for those that never will.
  Waiting take(const PeerName& peer);
  void drop(const PeerName& peer) { peers_.erase(peer); }

  size_t size() const { return peers_.size(); }

 private:
  struct Buffers {
    UniquePacketBuffer routed;
    UniquePacketBuffer for_peer;
  };
  Buffers& of(const PeerName& peer);

  size_t capacity_;
  std::map<PeerName, Buffers> peers_;
};

}  // namespace connlib::client
