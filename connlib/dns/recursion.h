#pragma once

#include "connlib/dns/upstream.h"

namespace connlib::dns {

// What routing knows about the way to a server's port 53.
struct ServerRoutes {
  bool is_internet_active = false;  // The Internet resource takes everything.
  bool has_udp = false;             // A CIDR resource does.
  bool has_tcp = false;
};

// goes_through_tunnel() decides where a query to an upstream server goes (spec tunnel 3.7). Only
// plain servers of the portal: the system's were learnt from the local network and are reached
// there, even when their address lies in a resource; DoH is the shell's HTTP. Both transports must
// have a route, since an answer that was cut short comes again over TCP.
constexpr bool goes_through_tunnel(UpstreamOrigin origin, const ServerRoutes& routes) {
  if (origin != UpstreamOrigin::kPortalDo53) return false;
  return routes.is_internet_active || (routes.has_udp && routes.has_tcp);
}

}  // namespace connlib::dns
