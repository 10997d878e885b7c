#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <absl/status/statusor.h>

#include "connlib/packet/offload.h"

namespace connlib::shells {

// TunDevice is a Linux TUN interface with a virtio-net header: super-packets in and out where the
// kernel offers TSO and USO. It lives as long as the object. Non-blocking.
class TunDevice {
 public:
  static constexpr size_t kMaxPacketBytes = 65535;

  // create() makes interface `name` (1 to 15 characters; "tun%d" lets the kernel number it). Fails
  // with InvalidArgument (bad name), NotFound (no /dev/net/tun), PermissionDenied (no
  // CAP_NET_ADMIN) or AlreadyExists (name taken), the message saying so.
  static absl::StatusOr<std::unique_ptr<TunDevice>> create(const std::string& name);
  TunDevice(const TunDevice&) = delete;
  TunDevice& operator=(const TunDevice&) = delete;
  ~TunDevice();

  // Incoming is one packet from the kernel's stack; `packet` borrows until the next read().
  struct Incoming {
    OffloadInfo info;
    std::span<const uint8_t> packet;
  };
  // read() gives the next packet; nullopt when none waits (or the device is gone, see is_gone()).
  std::optional<Incoming> read();

  // write() hands the concatenation of `parts` to the kernel's stack. False when the packet was
  // lost. A refused offloaded write turns merging off (can_merge_…) and the caller splits.
  bool write(const OffloadInfo& info, std::span<const std::span<uint8_t>> parts);

  bool can_merge_tcp() const { return merges_tcp_; }
  bool can_merge_udp() const { return merges_udp_; }

  // True once the interface was deleted under us.
  bool is_gone() const { return is_gone_; }

  const std::string& name() const { return name_; }
  int fd() const { return fd_; }

  absl::StatusOr<int> mtu() const;
  absl::Status set_mtu(int mtu);
  absl::StatusOr<bool> is_up() const;

  uint64_t lost_writes() const { return lost_writes_; }

 private:
  TunDevice(int fd, std::string name);
  void probe_offloads();

  int fd_;
  int control_fd_;
  std::string name_;
  bool merges_tcp_ = false;
  bool merges_udp_ = false;
  bool is_gone_ = false;
  uint64_t lost_writes_ = 0;
  std::unique_ptr<uint8_t[]> buffer_;
};

}  // namespace connlib::shells
