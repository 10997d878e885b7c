#include "connlib/client/tun_config.h"

#include <algorithm>
#include <variant>

#include "connlib/model/addressing.h"

namespace connlib::client {

std::vector<IpPrefix> tun_routes(const ResourceList& resources) {
  std::vector<IpPrefix> out;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    for (const AddressRange& range : {kPeerRange, kProxyRange, kSentinelRange}) {
      out.push_back(range.prefix(family));
    }
  }
  if (resources.active_internet() != nullptr) {
    out.emplace_back();
    out.push_back(IpPrefix::of(Ipv6Address{}, 0).value_or(IpPrefix()));
  }
  for (const auto& [id, listed] : resources.all()) {
    const auto* resource = std::get_if<Resource>(&listed);
    if (resource == nullptr) continue;
    if (const auto* cidr = std::get_if<CidrAddress>(&resource->address)) {
      out.push_back(cidr->network);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace connlib::client
