// Resources, and what follows from their changes (spec tunnel 2.2).
#include <utility>
#include <variant>

#include "connlib/client/client_state.h"
#include "connlib/client/device_pools.h"

namespace connlib::client {

void ClientState::apply(Timestamp now, const ResourceChange& change) {
  are_views_stale_ = true;
  switch (change.kind) {
    case ResourceChange::Kind::kUnchanged:
    case ResourceChange::Kind::kRelabelled:
      return;
    case ResourceChange::Kind::kRefused:
      tracer_.trace(TraceLevel::kDebug, "client", "resource refused: unknown, or too many");
      return;
    case ResourceChange::Kind::kAdded:
      install(*change.after);
      break;
    case ResourceChange::Kind::kReplaced:
      withdraw(now, *change.before);
      install(*change.after);
      break;
    case ResourceChange::Kind::kPoolEdited:
      edit_pool(std::get<StaticDevicePool>(*change.before),
                std::get<StaticDevicePool>(*change.after));
      break;
    case ResourceChange::Kind::kRemoved:
      withdraw(now, *change.before);
      break;
  }
}

void ClientState::install(const ClientResource& resource) {
  if (const auto* routed = std::get_if<Resource>(&resource)) {
    routes_.add(*routed);
    if (const auto* dns = std::get_if<DnsAddress>(&routed->address)) {
      names_.add_resource(routed->id, dns->pattern, dns->ip_stack);
      // Names that it had before lead to it again, without a new query (lesson e51d83607f).
      for (const dns::Assignment* assignment : names_.resources().assignments_of(routed->id)) {
        lead_to(routed->id, *assignment, dns->pattern);
      }
    }
  }
  if (const auto* pool = std::get_if<DynamicDevicePool>(&resource)) {
    names_.add_device_pool(pool->id, pool->pattern);
  }
  if (const auto* pool = std::get_if<StaticDevicePool>(&resource)) routes_.add(*pool);
}

void ClientState::withdraw(Timestamp now, const ClientResource& resource) {
  const ResourceId& id = id_of(resource);
  routes_.remove(id);
  names_.remove_resource(id);
  names_.remove_device_pool(id);
  nat_.remove_resource(id);
  held_.drop(id);
  pending_.drop_resource(id);
  authorizations_.revoke_pool(id);
  revoke(now, id);
  authorizations_.forget_previous(id);
  noticed_.erase(id);
}

// A pool that changed loses what belonged to members who left, and nothing else. Connections stay:
// the other side may have access to us (lesson a4b31ed0c7).
void ClientState::edit_pool(const StaticDevicePool& before, const StaticDevicePool& after) {
  const PoolEdit edit = pool_edit(before, after);
  for (const PoolMember& member : edit.left) {
    authorizations_.revoke_device(after.id, member.client);
    pending_.drop({after.id, IpAddress(member.ipv4)});
    pending_.drop({after.id, IpAddress(member.ipv6)});
  }
  routes_.remove(after.id);
  routes_.add(after);
  if (!edit.are_filters_changed) return;
  for (const PoolMember& member : after.members) {
    Peer* peer = peers_.find(PeerName(member.client));
    if (peer == nullptr) continue;
    if (ClientSide* client = peer->client()) {
      client->access.update_filters(after.id, after.filters);
    }
  }
}

void ClientState::revoke(Timestamp now, const ResourceId& resource) {
  if (const auto gateway = authorizations_.revoke(resource)) leave(now, *gateway, resource);
}

// The gateway may no longer speak for that resource, and goes when it serves nothing else.
void ClientState::leave(Timestamp now, const GatewayId& gateway, const ResourceId& resource) {
  const PeerName name = gateway;
  Peer* peer = peers_.find(name);
  if (peer == nullptr) return;
  if (GatewaySide* side = peer->gateway()) side->sources.remove(resource);
  if (!authorizations_.serves_anything(gateway)) close(now, name);
}

// Switching the Internet off is like losing its resource; the wish itself stays in the list.
void ClientState::update_internet(Timestamp now) {
  const Resource* active = resources_.active_internet();
  const std::optional<ResourceId> id = active ? std::optional(active->id) : std::nullopt;
  if (id == active_internet_) return;
  if (const auto before = std::exchange(active_internet_, id)) {
    pending_.drop_resource(*before);
    revoke(now, *before);
  }
  routes_.set_internet(active_internet_);
  are_views_stale_ = true;
}

void ClientState::want_internet(Timestamp now, bool is_wanted) {
  now = clamp(now);
  if (!resources_.want_internet(is_wanted)) return;
  update_internet(now);
  finish(now);
}

void ClientState::set_interface(Timestamp now, portal::InterfaceConfig interface) {
  std::vector<IpAddress> do53;
  do53.reserve(interface.upstream_do53.size());
  for (const SocketAddress& server : interface.upstream_do53) do53.push_back(server.ip);
  names_.set_portal_servers(do53, interface.upstream_doh);
  const bool is_same =
      addresses_ == TunnelAddresses{interface.addresses.ipv4, interface.addresses.ipv6};
  if (!is_same) {
    names_.set_tunnel_addresses(now, interface.addresses.ipv4, interface.addresses.ipv6);
  }
  addresses_ = TunnelAddresses{interface.addresses.ipv4, interface.addresses.ipv6};
  interface_ = std::move(interface);
  are_views_stale_ = true;
}

void ClientState::refresh_views() {
  ResourceReport report{view_resources(resources_, sites_), {}};
  for (const auto& [name, peer] : peers_.all()) {
    const ClientSide* client = peer->client();
    if (client == nullptr || !peer->is_connected) continue;
    const ClientId& id = std::get<ClientId>(name);
    std::vector<std::string> pools = pool_names_of(resources_, id);
    if (pools.empty()) continue;
    report.devices.push_back(
        {id, client->device_name, peer->addresses.ipv4, peer->addresses.ipv6, std::move(pools)});
  }
  report_.update(std::move(report));

  update_tunnelled_servers();
  if (!interface_) return;
  std::vector<TunConfig::DnsServer> servers;
  for (const auto& mapping : names_.sentinels().mappings()) {
    const auto* plain = std::get_if<dns::Do53Server>(&mapping.upstream);
    servers.push_back({mapping.sentinel, plain != nullptr
                                             ? to_text(plain->ip)
                                             : std::get<dns::DohServer>(mapping.upstream).url});
  }
  tun_config_.update({.ipv4 = interface_->addresses.ipv4,
                      .ipv6 = interface_->addresses.ipv6,
                      .dns = std::move(servers),
                      .search_domain = interface_->search_domain,
                      .routes = tun_routes(resources_)});
  // Routes may lead elsewhere: connections inside the tunnel would hang (lesson 7bf401ee8d).
  if (tun_config_.has_news()) names_.reset_connections(last_now_);
}

}  // namespace connlib::client
