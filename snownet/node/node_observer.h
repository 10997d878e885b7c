#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "snownet/node/connection_options.h"
#include "snownet/node/node_event.h"
#include "snownet/node/peer_id.h"
#include "snownet/node/relay_listing.h"
#include "snownet/node/reset_kind.h"
#include "snownet/node/transmit_queue.h"

namespace connlib::snownet::node {

// The inputs of a node as values, one per call; what they point at is good during the call only.
struct UpsertInput {
  PeerId peer;
  const ConnectionOptions& options;
};
struct CandidateInput {
  enum class Change : uint8_t { kAdd, kRemove };
  Change change{};
  PeerId peer;
  std::string_view line;
};
struct EndInput {
  enum class How : uint8_t { kClose, kRemove };
  How how{};
  PeerId peer;
};
struct CloseAllInput {};
struct RelaysInput {
  std::span<const RelayId> removed;
  std::span<const RelayListing> listed;
};
struct ResetInput {
  ResetKind kind{};
};
struct DatagramsInput {
  SocketAddress local;
  SocketAddress from;
  size_t segment_bytes = 0;  // 0: one datagram.
  std::span<const uint8_t> bytes;
};
struct OpenRunInput {
  PeerId peer;
};
// A packet for the route that the latest OpenRunInput gave.
struct SealInput {
  std::span<const uint8_t> packet;
};
struct QueuePacketInput {
  PeerId peer;
  std::span<const uint8_t> packet;
};
struct TimeoutInput {};

using NodeInput =
    std::variant<UpsertInput, CandidateInput, EndInput, CloseAllInput, RelaysInput, ResetInput,
                 DatagramsInput, OpenRunInput, SealInput, QueuePacketInput, TimeoutInput>;

// NodeObserver sees everything that goes into a node, before it takes effect, and everything that
// is polled from it: enough to repeat the run elsewhere, given the same randomness. It must not
// call the node.
class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  virtual void observe_input(Timestamp now, const NodeInput& input) = 0;
  virtual void observe_transmit(const Transmit& transmit) = 0;
  virtual void observe_event(const NodeEvent& event) = 0;
};

}  // namespace connlib::snownet::node
