#pragma once

#include <deque>
#include <optional>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "connlib/gateway/gateway_state.h"
#include "tests/sim/machine.h"

namespace connlib::tunnel {

using Bytes = std::vector<uint8_t>;

// TunnelGateway is a GatewayState on a virtual host: what a shell does for it, without an operating
// system. Its kernel, its resolver and its portal are whoever listens.
class TunnelGateway final : public sim::Machine {
 public:
  struct Listeners {
    absl::AnyInvocable<void(const portal::FromGateway&)> portal;
    absl::AnyInvocable<void(const gateway::ResolveName&)> resolver;
    absl::AnyInvocable<void(Bytes)> kernel;  // What came out of the TUN.
    absl::AnyInvocable<void()> key_changed;
  };

  TunnelGateway(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now);
  void set_listeners(Listeners listeners) { listeners_ = std::move(listeners); }

  // from_kernel() puts a packet into the TUN. True when it left for a client.
  bool from_kernel(Timestamp now, Bytes packet);

  // input() gives the state to `act`, then acts on what it says.
  template <typename Act>
  void input(Act&& act) {
    act(state_);
    drain();
  }
  const gateway::GatewayState& state() const { return state_; }

  // --- sim::Machine.
  void handle_datagram(Timestamp now, sim::Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<sim::Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;

 private:
  void drain();
  void flush();

  SeededRandom random_;
  mutable gateway::GatewayState state_;  // Asking a node for its deadline sorts its timers.
  Listeners listeners_;
  DatagramRun run_;
  std::deque<sim::Datagram> sealed_;
};

}  // namespace connlib::tunnel
