#include "connlib/client/routes.h"

#include <variant>

#include "connlib/model/addressing.h"

namespace connlib::client {
namespace {

std::optional<IpPrefix> whole(const IpAddress& address) {
  return IpPrefix::of(address, address.is_v4() ? 32 : 128);
}

}  // namespace

void Routes::add(const Resource& resource) {
  ++version_;
  if (const auto* cidr = std::get_if<CidrAddress>(&resource.address)) {
    networks_.set_filters(resource.id, resource.filters);
    networks_.add_route(cidr->network, resource.id);
  } else if (std::holds_alternative<DnsAddress>(resource.address)) {
    proxies_.set_filters(resource.id, resource.filters);
  }
}

void Routes::add(const StaticDevicePool& pool) {
  ++version_;
  devices_.set_filters(pool.id, pool.filters);
  for (const PoolMember& member : pool.members) {
    for (const IpAddress& address : {IpAddress(member.ipv4), IpAddress(member.ipv6)}) {
      const auto network = whole(address);
      if (!network || !devices_.add_route(*network, pool.id)) continue;
      members_.insert_or_assign(Device(pool.id, address), member.client);
    }
  }
}

void Routes::remove(const ResourceId& id) {
  ++version_;
  devices_.remove(id);
  proxies_.remove(id);
  networks_.remove(id);
  absl::erase_if(members_, [&](const auto& member) { return member.first.first == id; });
}

void Routes::add_proxy(const ResourceId& resource, const IpAddress& proxy,
                       std::string_view pattern) {
  ++version_;
  if (const auto network = whole(proxy)) proxies_.add_route(*network, resource, pattern);
}

std::optional<Route> Routes::find(const IpAddress& destination,
                                  const ClassifiedProtocol& protocol) noexcept {
  if (const auto match = devices_.find(destination, protocol)) {
    const auto member = members_.find(Device(*match->resource, destination));
    if (member != members_.end()) {
      return Route{Route::Kind::kDevice, match->resource, &member->second, match->is_permitted};
    }
  }
  if (const auto match = proxies_.find(destination, protocol)) {
    return Route{Route::Kind::kDns, match->resource, nullptr, match->is_permitted};
  }
  if (const auto match = networks_.find(destination, protocol)) {
    return Route{Route::Kind::kCidr, match->resource, nullptr, match->is_permitted};
  }
  if (!internet_ || kPeerRange.contains(destination)) return std::nullopt;
  return Route{Route::Kind::kInternet, &*internet_, nullptr, true};
}

}  // namespace connlib::client
