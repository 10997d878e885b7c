#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "connlib/base/strong.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "tests/sim/datagram.h"

namespace connlib::sim {

using MachineId = Strong<struct MachineIdTag, uint32_t>;

// Message travels between machines on a reliable, delayed channel beside the datagrams: what a
// portal connection does for real peers.
struct Message {
  MachineId to;
  std::string text;
};

// Machine is the face of anything sans-IO that runs on a virtual host. A thin subclass wraps the
// real state machine. World calls it with inputs and at its deadlines, never otherwise, and holds
// it to the contract: queued datagrams mean a wakeup that is due, and after handle_timeout(t) and a
// drain the next wakeup is later than t.
class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  // `datagram.destination` is our socket; its bytes may be worked on in place.
  virtual void handle_datagram(Timestamp now, Datagram& datagram) = 0;
  virtual void handle_timeout(Timestamp now) = 0;

  // A datagram to send. `source` must be a port that the machine holds; an unspecified source
  // address means "whichever the host has of this family".
  virtual std::optional<Datagram> poll_transmit() = 0;
  virtual Wakeup poll_timeout() const = 0;

  virtual void handle_message(Timestamp /*now*/, MachineId /*from*/, const std::string& /*text*/) {}
  virtual std::optional<Message> poll_message() { return std::nullopt; }
};

}  // namespace connlib::sim
