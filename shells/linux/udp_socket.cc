#include "shells/linux/udp_socket.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shells/linux/errno_status.h"
#include "shells/linux/send_control.h"
#include "shells/linux/socket_address.h"

namespace connlib::shells {
namespace {

constexpr int kBufferFloor = 64 << 10;

bool set_int(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// The FORCE forms pass the system's limit and need privilege; the plain ones clamp silently.
void set_buffer(int fd, int forced, int plain, int bytes) {
  for (; bytes >= kBufferFloor; bytes /= 2) {
    if (set_int(fd, SOL_SOCKET, forced, bytes) || set_int(fd, SOL_SOCKET, plain, bytes)) return;
  }
}

// What a run needs besides its bytes, except for the segment size.
void append_marks(msghdr& message, const DatagramRun& run, IpFamily family) {
  append_ecn(message, family, run.ecn());
  if (run.source()) append_source(message, *run.source());
}

}  // namespace

struct UdpSocket::Buffers {
  UdpReceiver receiver{kReceiveRuns};
  std::array<mmsghdr, kSendRuns> messages{};
  std::array<iovec, kSendRuns> vectors{};
  std::array<sockaddr_storage, kSendRuns> addresses{};
  std::array<ControlSpace, kSendRuns> controls{};
};

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::open(const UdpOptions& options) {
  const bool six = options.family == IpFamily::kV6;
  const int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return errno_status(errno, six ? "opening an IPv6 UDP socket" : "opening an IPv4 UDP socket");
  std::unique_ptr<UdpSocket> out(new UdpSocket(fd, options));
  if (six && !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
    return errno_status(errno, "setting IPV6_V6ONLY");
  if (options.mark != 0) {
    if (const absl::Status marked = out->set_mark(options.mark); !marked.ok()) return marked;
  }
  sockaddr_storage local{};
  const IpAddress any = six ? IpAddress(Ipv6Address{}) : IpAddress(Ipv4Address{});
  const socklen_t length = to_native({options.address.value_or(any), options.port}, local);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&local), length) != 0) {
    return errno_status(
        errno, fmt::format("binding UDP port {} ({})", options.port, six ? "IPv6" : "IPv4"));
  }
  socklen_t bound = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &bound) != 0) {
    return errno_status(errno, "reading the bound UDP port");
  }
  out->port_ = from_native(local).port;
  return out;
}

UdpSocket::UdpSocket(int fd, const UdpOptions& options)
    : fd_(fd),
      family_(options.family),
      buffers_(options.has_buffers ? std::make_unique<Buffers>() : nullptr) {
  const bool six = family_ == IpFamily::kV6;
  set_buffer(fd_, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer_bytes);
  set_buffer(fd_, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer_bytes);
  set_int(fd_, six ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, six ? IPV6_RECVTCLASS : IP_RECVTOS, 1);
  if (options.reports_local) {
    set_int(fd_, six ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, six ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
  }
  if (!options.uses_offloads) return;
  has_gro_ = set_int(fd_, SOL_UDP, UDP_GRO, 1);
  int unused = 0;
  socklen_t length = sizeof unused;
  has_segment_ = getsockopt(fd_, SOL_UDP, UDP_SEGMENT, &unused, &length) == 0;
}

UdpSocket::~UdpSocket() { close(fd_); }

absl::Status UdpSocket::set_mark(uint32_t mark) {
  if (setsockopt(fd_, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) return absl::OkStatus();
  return errno_status(errno, fmt::format("setting firewall mark {:#x}", mark));
}

std::span<const ReceivedRun> UdpSocket::receive() {
  const auto runs = buffers_->receiver.receive(fd_, stats_.truncated);
  stats_.received_runs += runs.size();
  return runs;
}

void UdpSocket::count_loss(int error) {
  switch (error) {
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
      ++stats_.lost_unreachable;
      return;
    case EPERM:
    case EACCES:
      ++stats_.lost_refused;
      return;
    case EMSGSIZE:
      ++stats_.lost_too_big;
      return;
    default:
      ++stats_.lost_other;
  }
}

// EMSGSIZE, or EINVAL of older kernels, says that the path is too narrow for what would be cut:
// that path's trouble, its datagrams go out one by one (and in fragments). EIO says that the device
// cannot checksum what it is asked to cut.
bool UdpSocket::is_segmentation_refused(int error) {
  if (error == EIO || error == EOPNOTSUPP) {
    has_segment_ = false;
    return true;
  }
  if (error != EMSGSIZE && error != EINVAL) return false;
  ++stats_.narrow_runs;
  return true;
}

size_t UdpSocket::send(std::span<const DatagramRun> runs) {
  size_t done = 0;
  while (done < runs.size()) {
    const DatagramRun& run = runs[done];
    if (is_front_single_ || (!has_segment_ && run.segments() > 1)) {
      if (!send_singly(run)) return done;
      is_front_single_ = false;
      ++done;
      continue;
    }
    const size_t sent = send_batch(runs.subspan(done, std::min(runs.size() - done, kSendRuns)));
    done += sent;
    if (sent > 0) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return done;
    if (errno == EINTR) continue;
    if (run.segments() > 1 && is_segmentation_refused(errno)) {
      is_front_single_ = true;
      continue;
    }
    count_loss(errno);
    ++done;
  }
  return done;
}

// One sendmmsg; the number of runs the kernel took, 0 with errno when the first failed.
size_t UdpSocket::send_batch(std::span<const DatagramRun> runs) {
  Buffers& b = *buffers_;
  size_t count = 0;
  for (; count < runs.size(); ++count) {
    const DatagramRun& run = runs[count];
    if (!has_segment_ && run.segments() > 1) break;
    const auto bytes = run.bytes();
    b.vectors[count] = {const_cast<uint8_t*>(bytes.data()),
                        bytes.size()};  // sendmmsg() only reads.
    msghdr& header = b.messages[count].msg_hdr;
    header = {&b.addresses[count],
              to_native(run.remote(), b.addresses[count]),
              &b.vectors[count],
              1,
              b.controls[count].bytes.data(),
              0,
              0};
    append_marks(header, run, family_);
    if (run.segments() > 1) {
      append_control(header, SOL_UDP, UDP_SEGMENT, static_cast<uint16_t>(run.segment_bytes()));
    }
    if (header.msg_controllen == 0) header.msg_control = nullptr;
  }
  const int sent = sendmmsg(fd_, b.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  if (sent <= 0) return 0;
  stats_.sent_runs += static_cast<uint64_t>(sent);
  return static_cast<size_t>(sent);
}

// Sends a run datagram by datagram, from resume_segment_ on; false when the socket is full.
bool UdpSocket::send_singly(const DatagramRun& run) {
  sockaddr_storage address{};
  const socklen_t length = to_native(run.remote(), address);
  for (; resume_segment_ < run.segments(); ++resume_segment_) {
    auto bytes = run.bytes().subspan(resume_segment_ * run.segment_bytes());
    bytes = bytes.first(std::min(bytes.size(), run.segment_bytes()));
    iovec vector{const_cast<uint8_t*>(bytes.data()), bytes.size()};  // sendmsg() only reads.
    ControlSpace control;
    msghdr header{&address, length, &vector, 1, control.bytes.data(), 0, 0};
    append_marks(header, run, family_);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
    if (sendmsg(fd_, &header, MSG_DONTWAIT) >= 0) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return false;
    count_loss(errno);
  }
  resume_segment_ = 0;
  ++stats_.sent_runs;
  return true;
}

}  // namespace connlib::shells
