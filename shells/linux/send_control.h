#pragma once

#include <array>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include "connlib/base/ecn.h"
#include "connlib/base/ip.h"

namespace connlib::shells {

// ControlSpace is room for what a datagram carries beside its bytes, either way: one int (TOS or
// traffic class), one uint16_t or int (segment size), one local address.
struct ControlSpace {
  static constexpr size_t kBytes = 2 * CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(in6_pktinfo));
  alignas(cmsghdr) std::array<char, kBytes> bytes{};
};

// append_control() puts one more control message behind those of `message`, whose msg_control is a
// ControlSpace and whose msg_controllen says how much of it is used.
template <typename T>
void append_control(msghdr& message, int level, int type, T value) {
  const size_t used = message.msg_controllen;
  auto* header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + used);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen = used + CMSG_SPACE(sizeof value);
}

inline void append_ecn(msghdr& message, IpFamily family, Ecn ecn) {
  if (ecn == Ecn::kNotEct) return;
  const bool six = family == IpFamily::kV6;
  append_control(message, six ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, six ? IPV6_TCLASS : IP_TOS,
                 static_cast<int>(ecn));
}

// append_source() chooses the address to send from: RFC 3542 §6.2, and its IPv4 twin.
inline void append_source(msghdr& message, const IpAddress& source) {
  if (const auto* four = source.v4()) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, four->bytes.data(), four->bytes.size());
    append_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes().data(), source.bytes().size());
    append_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace connlib::shells
