#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connlib/base/ip.h"

namespace connlib::portal {

// TunnelAddresses are those of one device; they stay with it for life (spec portal-protocol 2.1).
struct TunnelAddresses {
  Ipv4Address ipv4;
  Ipv6Address ipv6;
  friend bool operator==(const TunnelAddresses&, const TunnelAddresses&) = default;
};

// InterfaceConfig is how a client's tunnel looks. The resolvers to use are `upstream_do53`; when
// that is empty `upstream_doh`; when both are the system's.
struct InterfaceConfig {
  TunnelAddresses addresses;
  std::vector<SocketAddress> upstream_do53;  // Port 53, but for what old portals may say.
  std::vector<std::string> upstream_doh;     // URLs: https, with a host, without a query.
  std::optional<std::string> search_domain;
  friend bool operator==(const InterfaceConfig&, const InterfaceConfig&) = default;
};

}  // namespace connlib::portal
