#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <absl/status/statusor.h>

#include "connlib/base/datagram_run.h"
#include "shells/linux/udp_receiver.h"

namespace connlib::shells {

struct UdpOptions {
  IpFamily family = IpFamily::kV4;                  // kV6 sockets are v6-only.
  std::optional<IpAddress> address = std::nullopt;  // Of `family`; absent: any.
  uint16_t port = 0;                                // 0: the kernel chooses.
  uint32_t mark = 0;                                // SO_MARK; 0: none.
  int send_buffer_bytes = 4 << 20;  // Halved until the kernel takes it, floor 64 KiB.
  int receive_buffer_bytes = 16 << 20;
  bool uses_offloads = true;   // UDP_SEGMENT and UDP_GRO, where the kernel has them.
  bool reports_local = false;  // Fill in ReceivedRun::local.
  // Without buffers of its own a socket is small: it is read through a UdpReceiver and written
  // through a UdpGather that serve many.
  bool has_buffers = true;
};

// UdpStats count since creation. Lost datagrams are the network's business: nobody is told.
struct UdpStats {
  uint64_t sent_runs = 0;
  uint64_t received_runs = 0;
  uint64_t lost_unreachable = 0;  // EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL.
  uint64_t lost_refused = 0;      // EPERM, EACCES: a firewall.
  uint64_t lost_too_big = 0;      // EMSGSIZE.
  uint64_t lost_other = 0;
  uint64_t narrow_runs = 0;  // Not lost: sent one by one because the path was too narrow.
  uint64_t truncated = 0;
};

// UdpSocket is one bound, non-blocking UDP socket that moves runs: recvmmsg with UDP_GRO in,
// sendmmsg with UDP_SEGMENT out, ECN both ways. Buffers are allocated once.
class UdpSocket {
 public:
  static constexpr size_t kReceiveRuns = 16;
  static constexpr size_t kSendRuns = 32;

  // Fails with AlreadyExists when the port is taken, PermissionDenied for a mark without privilege.
  static absl::StatusOr<std::unique_ptr<UdpSocket>> open(const UdpOptions& options);
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  // receive() takes up to kReceiveRuns runs; empty when nothing waits. receive() and send() need
  // has_buffers.
  std::span<const ReceivedRun> receive();

  // send() gives the kernel as many of `runs` as it takes now and returns how many are done with:
  // sent (from DatagramRun::source(), if it has one), or lost and counted. Fewer than all means:
  // wait until writable, then go on from there. A segmented send that is refused costs no datagram:
  // EIO turns segmentation off for good; a path too narrow for the segments gets them one by one,
  // others are not affected.
  size_t send(std::span<const DatagramRun> runs);

  absl::Status set_mark(uint32_t mark);

  int fd() const { return fd_; }
  IpFamily family() const { return family_; }
  uint16_t port() const { return port_; }
  bool segments() const { return has_segment_; }
  bool coalesces() const { return has_gro_; }
  const UdpStats& stats() const { return stats_; }

  // Degrades as an EIO would: for tests, and for operators whose NIC lies.
  void disable_segmentation() { has_segment_ = false; }

 private:
  struct Buffers;
  UdpSocket(int fd, const UdpOptions& options);
  size_t send_batch(std::span<const DatagramRun> runs);
  bool send_singly(const DatagramRun& run);
  bool is_segmentation_refused(int error);
  void count_loss(int error);

  int fd_;
  IpFamily family_;
  uint16_t port_ = 0;
  bool has_segment_ = false;
  bool has_gro_ = false;
  bool is_front_single_ = false;  // The next run goes out datagram by datagram,
  size_t resume_segment_ = 0;     // from this one on.
  UdpStats stats_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace connlib::shells
