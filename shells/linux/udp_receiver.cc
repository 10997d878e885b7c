#include "shells/linux/udp_receiver.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "shells/linux/send_control.h"
#include "shells/linux/socket_address.h"

namespace connlib::shells {
namespace {

constexpr size_t kRunBytes = 65536;

// nullopt when `header` is no packet information.
std::optional<IpAddress> local_address(const cmsghdr& header) {
  if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(&header), sizeof info);
    Ipv4Address out;
    std::memcpy(out.bytes.data(), &info.ipi_addr, out.bytes.size());
    return out;
  }
  if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO) {
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(&header), sizeof info);
    Ipv6Address out;
    std::memcpy(out.bytes.data(), &info.ipi6_addr, out.bytes.size());
    return out;
  }
  return std::nullopt;
}

void read_control(msghdr& header, ReceivedRun& run) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    int value = 0;
    std::memcpy(&value, CMSG_DATA(c), std::min(sizeof value, c->cmsg_len - CMSG_LEN(0)));
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      run.segment_bytes = static_cast<size_t>(value);
    } else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
               (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
      run.ecn = static_cast<Ecn>(value & 3);
    } else if (const auto local = local_address(*c)) {
      run.local = local;
    }
  }
}

}  // namespace

struct UdpReceiver::Buffers {
  explicit Buffers(size_t count)
      : storage(count),
        runs(count),
        messages(count),
        vectors(count),
        addresses(count),
        controls(count) {}
  std::vector<std::array<uint8_t, kRunBytes>> storage;
  std::vector<ReceivedRun> runs;
  std::vector<mmsghdr> messages;
  std::vector<iovec> vectors;
  std::vector<sockaddr_storage> addresses;
  std::vector<ControlSpace> controls;
};

UdpReceiver::UdpReceiver(size_t runs)
    : capacity_(runs), buffers_(std::make_unique<Buffers>(runs)) {}
UdpReceiver::~UdpReceiver() = default;

std::span<const ReceivedRun> UdpReceiver::receive(int fd, uint64_t& truncated) {
  Buffers& b = *buffers_;
  for (size_t i = 0; i < capacity_; ++i) {
    b.vectors[i] = {b.storage[i].data(), kRunBytes};
    b.messages[i].msg_hdr = {&b.addresses[i],
                             sizeof(sockaddr_storage),
                             &b.vectors[i],
                             1,
                             b.controls[i].bytes.data(),
                             ControlSpace::kBytes,
                             0};
  }
  const int received =
      recvmmsg(fd, b.messages.data(), static_cast<unsigned>(capacity_), MSG_DONTWAIT, nullptr);
  size_t count = 0;
  for (size_t i = 0; received > 0 && i < static_cast<size_t>(received); ++i) {
    msghdr& header = b.messages[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++truncated;
      continue;
    }
    ReceivedRun& run = b.runs[count++];
    run.bytes = std::span(b.storage[i]).first(b.messages[i].msg_len);
    run.from = from_native(b.addresses[i]);
    run.segment_bytes = run.bytes.size();
    run.ecn = Ecn::kNotEct;
    run.local.reset();
    read_control(header, run);
  }
  return std::span(b.runs).first(count);
}

}  // namespace connlib::shells
