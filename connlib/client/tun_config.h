#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/client/resource_list.h"

namespace connlib::client {

// TunConfig is how the operating system should set up the tunnel's interface (spec tunnel 0.3).
struct TunConfig {
  struct DnsServer {
    IpAddress sentinel;    // What applications ask.
    std::string upstream;  // Where the answer comes from: "1.1.1.1:53" or a URL. For people.
    friend auto operator<=>(const DnsServer&, const DnsServer&) = default;
  };

  Ipv4Address ipv4;
  Ipv6Address ipv6;
  std::vector<DnsServer> dns{};  // In the order of preference.
  std::optional<std::string> search_domain{};
  std::vector<IpPrefix> routes{};  // A set: sorted, each once.
  friend bool operator==(const TunConfig&, const TunConfig&) = default;
};

// tun_routes() is what goes into the tunnel (spec tunnel 1.1): the networks of CIDR resources
// whatever the state of their sites, peers, proxies, sentinels, and everything while the Internet
// resource is active. DNS resources and pool members lie in the fixed ranges.
std::vector<IpPrefix> tun_routes(const ResourceList& resources);

}  // namespace connlib::client
