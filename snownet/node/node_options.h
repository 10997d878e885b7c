#pragma once

#include <cstddef>
#include <cstdint>

#include "snownet/node/limits.h"
#include "wireguard/tunnel/device.h"

namespace connlib::snownet::node {

// LateCandidates says what happens to candidates once a path was selected (snownet §5.4, D5).
enum class LateCandidates : uint8_t {
  // Relayed candidates of ours that come later are neither used nor signalled, until the next
  // upsert; whatever the peer signals is used. A connection whose last pair is gone fails at once.
  kFreezeRelays,
  // Besides, what the peer signals is ignored. For conformance tests: it fails where a peer is
  // nearer than the portal.
  kLiteral,
  // Everything is used and signalled at any time; two seconds of grace when no pair is left.
  kAcceptAll,
};

class NodeObserver;

struct NodeOptions {
  LateCandidates late_candidates = LateCandidates::kFreezeRelays;
  wireguard::DeviceOptions device{};  // Handshake limits, memory of removed peers.
  size_t max_connections = 65536;     // Further ones are refused.
  NodeObserver* observer = nullptr;   // Sees every input and output; must outlive the node.
};

}  // namespace connlib::snownet::node
