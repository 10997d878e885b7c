#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"

namespace connlib::shells {

// ReceivedRun is what one receive gave: one datagram, or several of equal size from one sender
// (UDP_GRO). `bytes` borrows from the receiver until its next receive.
struct ReceivedRun {
  SocketAddress from;
  std::optional<IpAddress> local;  // The address it was sent to: UdpOptions::reports_local.
  Ecn ecn = Ecn::kNotEct;
  size_t segment_bytes = 0;
  std::span<uint8_t> bytes;
};

// UdpReceiver is the storage for receiving, 64 KiB per run, allocated once. One serves as many
// sockets as one thread reads, one after the other.
class UdpReceiver {
 public:
  explicit UdpReceiver(size_t runs);
  ~UdpReceiver();

  // receive() takes what waits at `fd`, up to as many runs as there is room for; empty when nothing
  // does. Datagrams too long for a run are counted in `truncated` and gone.
  std::span<const ReceivedRun> receive(int fd, uint64_t& truncated);

  size_t capacity() const { return capacity_; }

 private:
  struct Buffers;
  size_t capacity_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace connlib::shells
