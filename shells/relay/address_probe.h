#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <absl/status/statusor.h>

#include "connlib/base/datagram_run.h"
#include "shells/common/event_loop.h"
#include "shells/common/os_random.h"
#include "shells/linux/udp_socket.h"
#include "shells/relay/announced_address.h"
#include "snownet/stun/binding_query.h"

namespace connlib::relay {

struct AddressProbeOptions {
  IpAddress bind;  // Its family is the probe's.
  uint16_t listen_port = 3478;
  uint16_t lowest_port = 49152;
  uint16_t highest_port = 65535;
};

// AddressProbe finds out how others see a relay before there is one: it has the relay's listening
// socket and one of its relayed ports. Its calls wait, on a loop of their own, a few seconds at
// most.
class AddressProbe {
 public:
  // Fails with AlreadyExists when the listening port is taken.
  static absl::StatusOr<std::unique_ptr<AddressProbe>> open(const AddressProbeOptions& options);

  // observe() asks each of `servers`, all of the probe's family, from both sockets.
  std::vector<Observation> observe(std::span<const SocketAddress> servers);

  // reaches_itself() says whether a datagram from the relayed port to the listening port at
  // `announced` arrives, from the address and port that a peer would expect: what two clients of
  // one relay need. The relayed port leaves from `announced` if the host has it, as the relay's do.
  bool reaches_itself(const IpAddress& announced);

 private:
  struct Question {
    shells::UdpSocket* socket = nullptr;
    snownet::stun::BindingQuery query;
  };

  AddressProbe(const AddressProbeOptions& options, std::unique_ptr<shells::UdpSocket> listening,
               std::unique_ptr<shells::UdpSocket> relayed);
  // Runs until `questions` are over or on_datagram() says that it has seen enough.
  using OnDatagram = bool (AddressProbe::*)(shells::UdpSocket&, const shells::ReceivedRun&);
  void run(OnDatagram on_datagram);
  bool take_answer(shells::UdpSocket& socket, const shells::ReceivedRun& run);
  bool take_own(shells::UdpSocket& socket, const shells::ReceivedRun& run);
  void send(shells::UdpSocket& socket, const SocketAddress& to, std::span<const uint8_t> bytes);

  AddressProbeOptions options_;
  shells::OsRandom random_;
  std::unique_ptr<shells::UdpSocket> listening_;
  std::unique_ptr<shells::UdpSocket> relayed_;
  DatagramRun run_;
  std::vector<Question> questions_;
  std::vector<Observation> observations_;  // One per question.
  std::vector<uint8_t> own_request_;
  SocketAddress expected_source_;
  bool has_arrived_ = false;
};

}  // namespace connlib::relay
