#include "connlib/client/connecting_buffers.h"

namespace connlib::client {
namespace {

bool nothing_lost(UniquePacketBuffer::Outcome outcome) {
  return outcome != UniquePacketBuffer::Outcome::kLostOldest;
}

}  // namespace

bool ConnectingBuffers::push_routed(const PeerName& peer, std::span<const uint8_t> packet) {
  return nothing_lost(of(peer).routed.push(packet));
}

bool ConnectingBuffers::push_for_peer(const PeerName& peer, std::span<const uint8_t> packet) {
  return nothing_lost(of(peer).for_peer.push(packet));
}

ConnectingBuffers::Waiting ConnectingBuffers::take(const PeerName& peer) {
  auto node = peers_.extract(peer);
  if (node.empty()) return {};
  return {node.mapped().routed.take(), node.mapped().for_peer.take()};
}

ConnectingBuffers::Buffers& ConnectingBuffers::of(const PeerName& peer) {
  return peers_
      .try_emplace(peer, Buffers{UniquePacketBuffer(capacity_), UniquePacketBuffer(capacity_)})
      .first->second;
}

}  // namespace connlib::client
