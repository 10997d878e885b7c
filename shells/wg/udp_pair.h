#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <absl/status/statusor.h>

#include "shells/linux/udp_socket.h"

namespace connlib::wg {

// UdpPair is a UDP port on both families. A machine without one family works with the other.
class UdpPair {
 public:
  // open() binds `port` on both, or for 0 any port that is free on both. Fails with AlreadyExists
  // when the port is taken on either family and PermissionDenied for a mark without privilege.
  static absl::StatusOr<std::unique_ptr<UdpPair>> open(uint16_t port, uint32_t mark);

  // send() sends runs in order; returns how many are done with. Fewer than all means that the
  // socket of the next run's family is full: blocked() until somebody sees it writable and sends
  // again.
  size_t send(std::span<const DatagramRun> runs);
  const shells::UdpSocket* blocked() const { return blocked_; }

  absl::Status set_mark(uint32_t mark);
  uint16_t port() const { return port_; }

  // Null where the machine lacks the family.
  shells::UdpSocket* v4() { return v4_.get(); }
  shells::UdpSocket* v6() { return v6_.get(); }

  // Runs to a family that the machine lacks.
  uint64_t lost_runs() const { return lost_runs_; }

 private:
  UdpPair() = default;
  static absl::StatusOr<std::unique_ptr<UdpPair>> open_once(uint16_t port, uint32_t mark);

  std::unique_ptr<shells::UdpSocket> v4_;
  std::unique_ptr<shells::UdpSocket> v6_;
  const shells::UdpSocket* blocked_ = nullptr;
  uint16_t port_ = 0;
  uint64_t lost_runs_ = 0;
};

}  // namespace connlib::wg
