#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/datagram_run.h"
#include "connlib/base/ip.h"
#include "shells/common/event_loop.h"
#include "shells/linux/udp_socket.h"

namespace connlib::interop {

// Arrival is one datagram; `bytes` borrows for the duration of the call.
struct Arrival {
  SocketAddress local;
  SocketAddress from;
  std::span<uint8_t> bytes;
};

// UdpSockets are what a peer in a story has for a network: one socket of each family that the host
// knows, on ports that the kernel chose. What does not go out at once is lost, as on any network.
class UdpSockets {
 public:
  using OnArrival = std::function<void(const Arrival&)>;

  // `loop` must outlive the sockets.
  UdpSockets(shells::EventLoop& loop, OnArrival on_arrival);

  // send() from `source`, or from the address that the kernel chooses.
  void send(const std::optional<IpAddress>& source, const SocketAddress& to,
            std::span<const uint8_t> bytes);

  // nullopt: the host does not have the family.
  std::optional<uint16_t> port(IpFamily family) const;

 private:
  void open(shells::EventLoop& loop, IpFamily family);
  void receive(shells::UdpSocket& socket);

  OnArrival on_arrival_;
  std::array<std::unique_ptr<shells::UdpSocket>, 2> sockets_;  // By family.
  std::vector<shells::EventLoop::Watch> watches_;
  DatagramRun run_;
};

}  // namespace connlib::interop
