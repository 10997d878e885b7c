#include "connlib/portal/server/inits.h"

#include <chrono>

namespace connlib::portal::server {
namespace {

// Uploads are off (spec 2.9).
FlowLogConfig flow_logs_of(const Core& core) {
  return {
      .api_url = core.api_url, .upload_interval = std::chrono::seconds(0), .upload_batch_size = 0};
}

ResourceView current_view(const Core& core, const ClientPeer& client) {
  return view_of(core.account.directory, client.subject, core.date(), core.account.zones);
}

}  // namespace

InterfaceConfig interface_of(const Core& core, const ClientPeer& client) {
  const DeviceRow* device = core.devices.find(device_id(client.id));
  const DnsSettings& dns = core.account.dns;
  return {.addresses = device == nullptr ? TunnelAddresses() : device->addresses,
          .upstream_do53 = dns.upstream_do53,
          .upstream_doh = dns.upstream_doh,
          .search_domain = dns.search_domain};
}

ClientInit make_client_init(Core& core, ClientPeer& client) {
  client.view = current_view(core, client);
  ClientInit out{.interface = interface_of(core, client),
                 .resources = {},
                 .relays = core.relays.pick(client.relays, relay_user(client)),
                 .authorizations = {},
                 .flow_logs = flow_logs_of(core)};
  for (const ResourceId& id : client.view.ids) {
    out.resources.emplace_back(*core.account.directory.find_resource(id));
  }
  return out;
}

GatewayInit make_gateway_init(Core& core, GatewayPeer& gateway) {
  const DeviceRow* device = core.devices.find(device_id(gateway.id));
  GatewayInit out{.interface = device == nullptr ? TunnelAddresses() : device->addresses,
                  .ipv4_masquerade_enabled = true,
                  .ipv6_masquerade_enabled = true,
                  .relays = core.relays.pick(gateway.relays, relay_user(gateway)),
                  .authorizations = {},
                  .account_slug = core.account.slug,
                  .flow_logs = flow_logs_of(core)};
  // Complete: what is not listed, the gateway drops (spec 4.1).
  for (const GrantRow* row : core.grants.on_gateway(gateway.id)) {
    out.authorizations.push_back({.client_id = row->key.client,
                                  .resource_id = row->key.resource,
                                  .expires_at = row->expires_at.value_or(kFarFuture)});
  }
  return out;
}

void push_view(Core& core, Session& session, const std::set<ResourceId>& edited) {
  auto& client = std::get<ClientPeer>(session.peer);
  ResourceView next = current_view(core, client);
  const ViewChange change = change_of(client.view, next, edited);
  client.view = std::move(next);
  for (const ResourceId& id : change.deleted) core.push(session, ToClient(ResourceDeleted{id}));
  for (const ResourceId& id : change.upserted) {
    const Resource* resource = core.account.directory.find_resource(id);
    core.push(session, ToClient(ResourceUpserted{*resource}));
  }
}

}  // namespace connlib::portal::server
