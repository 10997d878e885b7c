#pragma once

#include <deque>
#include <optional>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "connlib/client/client_state.h"
#include "tests/sim/machine.h"

namespace connlib::tunnel {

using Bytes = std::vector<uint8_t>;

// ClientMachine is a ClientState on a virtual host: what a shell does for it, without an operating
// system. Everything it says is kept for the test to read.
class ClientMachine final : public sim::Machine {
 public:
  ClientMachine(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now);

  // The portal hears what is said to it, after every input.
  void set_portal(absl::AnyInvocable<void(const portal::FromClient&)> listener) {
    portal_ = std::move(listener);
  }

  // send() is an application: one packet into the TUN.
  client::Fate send(Timestamp now, Bytes packet);

  // lie() is a client that does not ask its state: `packet` is sealed as it is for the gateway at
  // `gateway`, by a route that was opened for something innocent. False when there is none.
  bool lie(Timestamp now, const IpAddress& from, const IpAddress& gateway, const Bytes& packet);

  // input() gives the state to `act`, then acts on what it says.
  template <typename Act>
  void input(Act&& act) {
    act(state_);
    drain();
  }
  const client::ClientState& state() const { return state_; }

  // What reached the TUN, and what the shell was told. The test may empty them.
  std::vector<Bytes> received;
  std::optional<client::TunConfig> tun_config;
  std::vector<client::ResourceReport> reports;
  std::vector<client::Notice> notices;
  std::vector<dns::Resolver::OutsideQuery> dns_queries;  // For servers outside the tunnel.
  size_t reconnects = 0;  // How often the portal had to be dialled anew.

  // Whoever acts on these; without a listener they are kept.
  absl::AnyInvocable<void(const dns::Resolver::OutsideQuery&)> on_dns_query;
  absl::AnyInvocable<void()> on_reconnect;

  // --- sim::Machine.
  void handle_datagram(Timestamp now, sim::Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<sim::Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;

 private:
  void drain();
  void flush(DatagramRun& run);

  SeededRandom random_;
  mutable client::ClientState state_;  // Asking a node for its deadline sorts its timers.
  absl::AnyInvocable<void(const portal::FromClient&)> portal_;
  DatagramRun run_;
  std::deque<sim::Datagram> sealed_;
};

inline constexpr uint16_t kTunnelPort = 52625;

}  // namespace connlib::tunnel
