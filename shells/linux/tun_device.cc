#include "shells/linux/tun_device.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"

// Debian 12's headers are older than these; kernels from 6.2 on know them.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
namespace connlib::shells {
namespace {

// The header in front of each packet (virtio 1.2 §5.1.6, without mergeable buffers), in the
// machine's byte order. The kernel's own declaration of it is not C++.
struct VirtioHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t header_bytes = 0;
  uint16_t gso_size = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
constexpr size_t kHeaderBytes = sizeof(VirtioHeader);
static_assert(kHeaderBytes == 10);
constexpr uint8_t kNeedsChecksum = 1;
constexpr uint8_t kGsoTcp4 = 1;
constexpr uint8_t kGsoTcp6 = 4;
constexpr uint8_t kGsoUdp = 5;
constexpr uint8_t kGsoEcnFlag = 0x80;
constexpr size_t kMaxParts = 130;

OffloadInfo from_virtio(const VirtioHeader& header) {
  OffloadInfo info;
  switch (header.gso_type & ~kGsoEcnFlag) {
    case kGsoTcp4:
      info.gso = Gso::kTcp4;
      break;
    case kGsoTcp6:
      info.gso = Gso::kTcp6;
      break;
    case kGsoUdp:
      info.gso = Gso::kUdp;
      break;
    default:
      break;
  }
  info.segment_bytes = header.gso_size;
  info.header_bytes = header.header_bytes;
  info.needs_checksum = (header.flags & kNeedsChecksum) != 0;
  info.checksum_start = header.checksum_start;
  info.checksum_offset = header.checksum_offset;
  return info;
}

uint8_t gso_type(Gso gso) {
  switch (gso) {
    case Gso::kNone:
      return 0;
    case Gso::kTcp4:
      return kGsoTcp4;
    case Gso::kTcp6:
      return kGsoTcp6;
    case Gso::kUdp:
      return kGsoUdp;
  }
  return 0;
}

VirtioHeader to_virtio(const OffloadInfo& info) {
  return {.flags = info.needs_checksum ? kNeedsChecksum : uint8_t{0},
          .gso_type = gso_type(info.gso),
          .header_bytes = info.header_bytes,
          .gso_size = info.gso == Gso::kNone ? uint16_t{0} : info.segment_bytes,
          .checksum_start = info.checksum_start,
          .checksum_offset = info.checksum_offset};
}

absl::Status creation_error(int error, const std::string& name) {
  switch (error) {
    case EPERM:
    case EACCES:
      return absl::PermissionDeniedError(fmt::format(
          "creating interface {}: no privilege; run as root or with CAP_NET_ADMIN", name));
    case EBUSY:
    case EEXIST:
      return absl::AlreadyExistsError(
          fmt::format("creating interface {}: the name is taken", name));
    default:
      return errno_status(error, fmt::format("creating interface {}", name));
  }
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TunDevice>> TunDevice::create(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ ||
      name.find_first_of("/ \t\n") != std::string::npos || name == "." || name == "..") {
    return absl::InvalidArgumentError(
        fmt::format("\"{}\" is no interface name: 1 to 15 characters, no slash or space", name));
  }
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT || errno == ENODEV) {
      return absl::NotFoundError("/dev/net/tun does not exist: load the tun module (modprobe tun)");
    }
    return creation_error(errno, name);
  }
  ifreq request = request_for(name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  // TUNSETIFF attaches to an existing interface of that name where it may; a name in use is
  // refused.
  if (if_nametoindex(name.c_str()) != 0) {
    close(fd);
    return creation_error(EBUSY, name);
  }
  if (ioctl(fd, TUNSETIFF, &request) != 0) {
    const int error = errno;
    close(fd);
    return creation_error(error == EINVAL && if_nametoindex(name.c_str()) != 0 ? EBUSY : error,
                          name);
  }
  return std::unique_ptr<TunDevice>(new TunDevice(fd, request.ifr_name));
}

TunDevice::TunDevice(int fd, std::string name)
    : fd_(fd),
      control_fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      name_(std::move(name)),
      buffer_(std::make_unique<uint8_t[]>(kHeaderBytes + kMaxPacketBytes)) {
  probe_offloads();
}

TunDevice::~TunDevice() {
  close(fd_);
  if (control_fd_ >= 0) close(control_fd_);
}

// From all to nothing: what we ask for is both what the kernel may send us and what it takes.
void TunDevice::probe_offloads() {
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  constexpr unsigned kAll = kTcp | TUN_F_USO4 | TUN_F_USO6;
  int header_bytes = kHeaderBytes;
  ioctl(fd_, TUNSETVNETHDRSZ, &header_bytes);
  for (const unsigned offloads : {kAll, kTcp, unsigned{TUN_F_CSUM}, 0u}) {
    if (ioctl(fd_, TUNSETOFFLOAD, static_cast<unsigned long>(offloads)) != 0) continue;
    merges_udp_ = offloads == kAll;
    merges_tcp_ = offloads == kAll || offloads == kTcp;
    return;
  }
}

std::optional<TunDevice::Incoming> TunDevice::read() {
  for (;;) {
    const ssize_t n = ::read(fd_, buffer_.get(), kHeaderBytes + kMaxPacketBytes);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        is_gone_ = errno == EBADFD || errno == EIO || is_gone_;
      return std::nullopt;
    }
    if (static_cast<size_t>(n) <= kHeaderBytes) continue;
    VirtioHeader header;
    std::memcpy(&header, buffer_.get(), sizeof header);
    return Incoming{from_virtio(header),
                    {buffer_.get() + kHeaderBytes, static_cast<size_t>(n) - kHeaderBytes}};
  }
}

bool TunDevice::write(const OffloadInfo& info, std::span<const std::span<uint8_t>> parts) {
  VirtioHeader header = to_virtio(info);
  // Only the entries in use are written; clearing them all would cost more than the call.
  std::array<iovec, kMaxParts> vectors;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  vectors[0] = {&header, kHeaderBytes};
  const size_t count = std::min(parts.size(), kMaxParts - 1);
  for (size_t i = 0; i < count; ++i) vectors[i + 1] = {parts[i].data(), parts[i].size()};
  ssize_t n = 0;
  do {
    n = writev(fd_, vectors.data(), static_cast<int>(count + 1));
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return true;
  if (errno == EINVAL && info.gso != Gso::kNone) {
    (info.gso == Gso::kUdp ? merges_udp_ : merges_tcp_) = false;
  }
  if (errno == EBADFD) is_gone_ = true;
  ++lost_writes_;
  return false;
}

absl::StatusOr<int> TunDevice::mtu() const {
  ifreq request = request_for(name_);
  if (ioctl(control_fd_, SIOCGIFMTU, &request) != 0) {
    return errno_status(errno, fmt::format("reading the MTU of {}", name_));
  }
  return request.ifr_mtu;
}

absl::Status TunDevice::set_mtu(int mtu) {
  ifreq request = request_for(name_);
  request.ifr_mtu = mtu;
  if (ioctl(control_fd_, SIOCSIFMTU, &request) != 0) {
    return errno_status(errno, fmt::format("setting the MTU of {} to {}", name_, mtu));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> TunDevice::is_up() const {
  ifreq request = request_for(name_);
  if (ioctl(control_fd_, SIOCGIFFLAGS, &request) != 0) {
    return errno_status(errno, fmt::format("reading the flags of {}", name_));
  }
  return (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace connlib::shells
