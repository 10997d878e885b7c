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

}  // namespace connlib::gateway
