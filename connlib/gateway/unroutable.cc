#include "connlib/gateway/unroutable.h"

namespace connlib::gateway {

std::string_view name(Unroutable reason) noexcept {
  switch (reason) {
    case Unroutable::kMalformed:
      return "malformed";
    case Unroutable::kMulticast:
      return "multicast";
    case Unroutable::kExpiredNatSession:
      return "expired NAT session";
    case Unroutable::kNotAllowed:
      return "not allowed";
    case Unroutable::kNotConnected:
      return "not connected";
    case Unroutable::kControlFromTun:
      return "control packet from the TUN";
    case Unroutable::kNotAPeer:
      return "not a peer";
    case Unroutable::kNoPeerState:
      return "no peer state";
    case Unroutable::kSourceIsAPeer:
      return "source is a peer";
    case Unroutable::kUnknownPeer:
      return "unknown peer";
    case Unroutable::kOutboundIcmpError:
      return "outbound ICMP error";
    case Unroutable::kNotTunnelSource:
      return "not the tunnel source address";
    case Unroutable::kOtherPeer:
      return "to another peer";
    case Unroutable::kClosedHostPort:
      return "closed port of the gateway";
    case Unroutable::kNotInternet:
      return "not the Internet";
    case Unroutable::kNoTranslation:
      return "no translation";
    case Unroutable::kUnsupportedProtocol:
      return "unsupported protocol";
    case Unroutable::kNatExhausted:
      return "NAT exhausted";
    case Unroutable::kUnknownControl:
      return "unknown control event";
    case Unroutable::kCount:
      break;
  }
  return "unknown";
}

std::optional<IcmpError> icmp_answer(Unroutable reason, IpFamily family) noexcept {
  switch (reason) {
    case Unroutable::kNotAllowed:
    case Unroutable::kNotTunnelSource:
    case Unroutable::kOtherPeer:
    case Unroutable::kClosedHostPort:
      return IcmpError::prohibited(family);
    case Unroutable::kNotInternet:
    case Unroutable::kNoTranslation:
      return IcmpError::network_unreachable(family);
    case Unroutable::kMalformed:
    case Unroutable::kMulticast:
    case Unroutable::kExpiredNatSession:
    case Unroutable::kNotConnected:
    case Unroutable::kControlFromTun:
    case Unroutable::kNotAPeer:
    case Unroutable::kNoPeerState:
    case Unroutable::kSourceIsAPeer:
    case Unroutable::kUnknownPeer:
    case Unroutable::kOutboundIcmpError:
    case Unroutable::kUnsupportedProtocol:
    case Unroutable::kNatExhausted:
    case Unroutable::kUnknownControl:
    case Unroutable::kCount:
      break;
  }
  return std::nullopt;
}

}  // namespace connlib::gateway
