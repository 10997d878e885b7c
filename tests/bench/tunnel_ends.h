#pragma once

#include <memory>
#include <span>
#include <vector>

#include <absl/functional/function_ref.h>

#include "connlib/base/datagram_run.h"

namespace connlib::bench {

// TunnelEnds is two ends of an established tunnel in memory, a client and a gateway, and one packet
// of each of many flows between them, both ways. What carries them may be both states with all that
// they decide, or two bare nodes that decide nothing: what the states add is the difference.
class TunnelEnds {
 public:
  static constexpr size_t kResources = 1'000;
  static constexpr size_t kFlows = 10'000;
  // A segment with a little data in it; what is decided does not depend on the size, what is sealed
  // does.
  static constexpr size_t kPayloadBytes = 60;
  using Deliver = absl::FunctionRef<void(std::span<uint8_t>)>;

  virtual ~TunnelEnds() = default;
  // What the client's applications send, and what comes back to the gateway, by flow.
  const std::vector<std::vector<uint8_t>>& up() const { return up_; }
  const std::vector<std::vector<uint8_t>>& down() const { return down_; }

  // Each edits what it is given. The seals add one datagram to `run`; an end opens a whole run.
  [[nodiscard]] virtual bool seal_up(std::span<uint8_t> packet, DatagramRun& run) = 0;
  virtual void open_up(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) = 0;
  [[nodiscard]] virtual bool seal_down(std::span<uint8_t> packet, DatagramRun& run) = 0;
  virtual void open_down(std::span<uint8_t> datagrams, size_t segment_bytes, Deliver deliver) = 0;

 protected:
  std::vector<std::vector<uint8_t>> up_;
  std::vector<std::vector<uint8_t>> down_;
};

std::unique_ptr<TunnelEnds> bare_nodes();
// Resources are networks, or names that the gateway translates. One TCP port of each is granted.
std::unique_ptr<TunnelEnds> tunnel_to_networks();
std::unique_ptr<TunnelEnds> tunnel_to_names();

}  // namespace connlib::bench
