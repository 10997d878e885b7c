#include "connlib/client/authorizations.h"

namespace connlib::client {

std::optional<GatewayId> Authorizations::grant(const ResourceId& resource,
                                               const GatewayId& gateway) {
  std::optional<GatewayId> before = revoke(resource);
  ++version_;
  by_resource_.insert_or_assign(resource, gateway);
  by_gateway_[gateway].insert(resource);
  previous_.insert_or_assign(resource, gateway);
  if (before == gateway) before.reset();
  return before;
}

std::optional<GatewayId> Authorizations::revoke(const ResourceId& resource) {
  const auto served = by_resource_.find(resource);
  if (served == by_resource_.end()) return std::nullopt;
  ++version_;
  GatewayId gateway = served->second;
  by_resource_.erase(served);
  const auto resources = by_gateway_.find(gateway);
  resources->second.erase(resource);
  if (resources->second.empty()) by_gateway_.erase(resources);
  return gateway;
}

std::vector<ResourceId> Authorizations::lose_gateway(const GatewayId& gateway) {
  const auto lost = by_gateway_.extract(gateway);
  if (lost.empty()) return {};
  ++version_;
  std::vector<ResourceId> out(lost.mapped().begin(), lost.mapped().end());
  for (const ResourceId& resource : out) by_resource_.erase(resource);
  return out;
}

const GatewayId* Authorizations::gateway_of(const ResourceId& resource) const {
  const auto served = by_resource_.find(resource);
  return served == by_resource_.end() ? nullptr : &served->second;
}

const GatewayId* Authorizations::previous_gateway(const ResourceId& resource) const {
  const auto previous = previous_.find(resource);
  return previous == previous_.end() ? nullptr : &previous->second;
}

void Authorizations::grant_device(const ResourceId& pool, const ClientId& client) {
  devices_.emplace(pool, client);
}

bool Authorizations::is_device_granted(const ResourceId& pool, const ClientId& client) const {
  return devices_.contains({pool, client});
}

void Authorizations::revoke_device(const ResourceId& pool, const ClientId& client) {
  devices_.erase({pool, client});
}

void Authorizations::revoke_pool(const ResourceId& pool) {
  std::erase_if(devices_, [&](const auto& grant) { return grant.first == pool; });
}

void Authorizations::lose_client(const ClientId& client) {
  std::erase_if(devices_, [&](const auto& grant) { return grant.second == client; });
}

}  // namespace connlib::client
