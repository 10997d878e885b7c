#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "snownet/node/node.h"
#include "tests/sim/machine.h"
#include "tests/tunnel/client_machine.h"

namespace connlib::tunnel {

// GatewayMachine is a gateway that a test scripts: a node and nothing above it. It keeps what it
// receives, and sends whatever it is told to, true or not.
class GatewayMachine final : public sim::Machine {
 public:
  using Candidate = absl::AnyInvocable<void(portal::CandidateChange, const std::string&)>;

  GatewayMachine(uint64_t seed, Tracer& tracer, absl::Time date, Timestamp now);
  void set_candidate_listener(Candidate listener) { candidate_ = std::move(listener); }

  // The one client of the story.
  static constexpr snownet::node::PeerId kClient{1};

  template <typename Act>
  void input(Act&& act) {
    act(node_);
    drain();
  }
  const snownet::node::Node& node() const { return node_; }
  // send() seals one packet for the client; false when there is no way to it.
  bool send(Timestamp now, std::span<const uint8_t> packet);

  std::vector<Bytes> received;  // Inner packets, control packets among them.
  // What to do with each of them, besides.
  absl::AnyInvocable<void(Timestamp, const Bytes&)> on_packet;

  void handle_datagram(Timestamp now, sim::Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<sim::Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;

 private:
  void drain();

  SeededRandom random_;
  mutable snownet::node::Node node_;
  Candidate candidate_;
  std::deque<sim::Datagram> sealed_;
};

}  // namespace connlib::tunnel
