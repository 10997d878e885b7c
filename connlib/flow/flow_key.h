#pragma once

#include <utility>

#include "connlib/base/ip.h"
#include "connlib/flow/attribution.h"
#include "connlib/flow/sighting.h"
#include "connlib/packet/protocol.h"

namespace connlib::flow {

// Direction of a packet between the ends of an authorization, not of a connection: the initiator is
// the device that was authorized, whoever sends first.
enum class Direction : uint8_t {
  kToResponder,  // Recorded as sent, tx.
  kToInitiator,  // Recorded as received, rx.
};

// FlowKey names a flow the same way in both directions: scope and inner 4-tuple (spec tunnel 7.2).
struct FlowKey {
  ScopeId scope;
  Protocol::Kind protocol = Protocol::Kind::kUdp;
  SocketAddress initiator;
  SocketAddress responder;

  static FlowKey of(ScopeId scope, const Sighting& packet, Direction direction) {
    const bool is_out = direction == Direction::kToResponder;
    return {scope, packet.protocol, is_out ? packet.source : packet.destination,
            is_out ? packet.destination : packet.source};
  }

  friend bool operator==(const FlowKey&, const FlowKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const FlowKey& key) {
    const uint64_t small = key.scope.value() << 40 | uint64_t{key.initiator.port} << 24 |
                           uint64_t{key.responder.port} << 8 | static_cast<uint64_t>(key.protocol);
    return H::combine(std::move(h), small, key.initiator.ip, key.responder.ip);
  }
};

}  // namespace connlib::flow
