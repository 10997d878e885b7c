#include "snownet/ice/candidate.h"

namespace connlib::snownet::ice {

std::string_view name(CandidateKind kind) noexcept {
  switch (kind) {
    case CandidateKind::kHost:
      return "host";
    case CandidateKind::kPeerReflexive:
      return "prflx";
    case CandidateKind::kServerReflexive:
      return "srflx";
    case CandidateKind::kRelayed:
      return "relay";
  }
  return "unknown";
}

bool is_usable(const SocketAddress& address) noexcept {
  constexpr Ipv4Address kBroadcast{{255, 255, 255, 255}};
  const IpAddress& ip = address.ip;
  if (address.port == 0 || ip.is_unspecified() || ip.is_multicast()) return false;
  if (const auto* four = ip.v4()) return *four != kBroadcast && !ip.is_link_local();
  return ip.unmapped().is_v6();
}

}  // namespace connlib::snownet::ice
