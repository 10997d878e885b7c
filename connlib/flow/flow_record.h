#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "connlib/base/secret_text.h"
#include "connlib/flow/outer_path.h"
#include "connlib/packet/protocol.h"

namespace connlib::flow {

// What is known once a flow has ended.
struct FlowEnd {
  absl::Time at{};
  absl::Time last_packet{};
  uint64_t rx_packets = 0;
  uint64_t tx_packets = 0;
  uint64_t rx_bytes = 0;  // Payload of TCP or UDP.
  uint64_t tx_bytes = 0;
  friend bool operator==(const FlowEnd&, const FlowEnd&) = default;
};

// FlowRecord is one entry of the flow log (spec tunnel 7.2): one when a flow opens, and one with
// `end` when it is over. Sent, tx, is what went from `initiator` to `responder`.
struct FlowRecord {
  Protocol::Kind protocol = Protocol::Kind::kUdp;
  SocketAddress initiator{};  // inner_src
  SocketAddress responder{};  // inner_dst
  std::string domain{};       // Empty for what is reached by its address.
  std::vector<OuterPath> outers{};
  absl::Time start{};
  std::optional<FlowEnd> end{};
  friend bool operator==(const FlowRecord&, const FlowRecord&) = default;
};

// FlowBatch is records of one authorization, oldest first, with the token under which they are
// uploaded.
struct FlowBatch {
  SecretText token{};
  std::vector<FlowRecord> records{};
  friend bool operator==(const FlowBatch&, const FlowBatch&) = default;
};

}  // namespace connlib::flow
