// What the portal says to a client.
#include <algorithm>
#include <utility>

#include "connlib/client/client_state.h"
#include "connlib/client/device_pools.h"
#include "connlib/client/introduction.h"
#include "connlib/client/limits.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::client {
namespace {

// The portal's view of a resource becomes ours.
ClientResource to_model(portal::ClientResource resource) {
  if (auto* routed = std::get_if<Resource>(&resource)) return std::move(*routed);
  if (auto* dynamic = std::get_if<portal::DynamicDevicePool>(&resource)) {
    return DynamicDevicePool{std::move(dynamic->id), std::move(dynamic->name),
                             std::move(dynamic->pattern)};
  }
  auto& pool = std::get<portal::StaticDevicePool>(resource);
  StaticDevicePool out{std::move(pool.id), std::move(pool.name), {}, std::move(pool.filters)};
  out.members.reserve(pool.devices.size());
  for (portal::PoolDevice& device : pool.devices) {
    out.members.push_back(
        {std::move(device.client_id), device.addresses.ipv4, device.addresses.ipv6});
  }
  return out;
}

std::vector<snownet::node::RelayListing> to_listings(
    std::span<const portal::RelayDescriptor> relays) {
  std::vector<snownet::node::RelayListing> out;
  out.reserve(relays.size());
  for (const portal::RelayDescriptor& relay : relays) {
    out.push_back({.id = relay.id,
                   .sockets = {relay.v4, relay.v6},
                   .username = relay.username,
                   .realm = std::string(snownet::stun::kRelayRealm),
                   .password = std::string(relay.password.reveal())});
  }
  return out;
}

TunnelAddresses to_model(const portal::TunnelAddresses& addresses) {
  return {addresses.ipv4, addresses.ipv6};
}

}  // namespace

void ClientState::handle_portal(Timestamp now, bool is_connected) {
  now = clamp(now);
  candidates_.handle_portal(is_connected);
  pending_.handle_portal(now, is_connected);
  finish(now);
}

// The order is that of spec portal-protocol 3.1.
template <>
void ClientState::handle(Timestamp now, portal::ClientInit& message) {
  set_interface(now, std::move(message.interface));

  std::vector<ClientResource> resources;
  resources.reserve(message.resources.size());
  for (portal::ClientResource& resource : message.resources) {
    resources.push_back(to_model(std::move(resource)));
  }
  for (const ResourceChange& change : resources_.replace_all(std::move(resources))) {
    apply(now, change);
  }
  update_internet(now);

  node_.update_relays(now, {}, to_listings(message.relays));

  std::map<ClientId, std::map<ResourceId, Timestamp>> inbound;
  for (const portal::Grant& grant : message.authorizations) {
    inbound[grant.client_id][grant.resource_id] = instant_of(grant.expires_at);
  }
  for (const auto& [name, peer] : peers_.all()) {
    if (ClientSide* client = peer->client()) {
      client->access.retain(inbound[std::get<ClientId>(name)]);
    }
  }
}

template <>
void ClientState::handle(Timestamp now, portal::ConfigChanged& message) {
  set_interface(now, std::move(message.interface));
}

template <>
void ClientState::handle(Timestamp now, portal::ResourceUpserted& message) {
  apply(now, resources_.upsert(to_model(std::move(message.resource))));
  update_internet(now);
}

template <>
void ClientState::handle(Timestamp now, portal::ResourceDeleted& message) {
  apply(now, resources_.remove(message.id));
  update_internet(now);
}

template <>
void ClientState::handle(Timestamp now, portal::RelaysPresence& message) {
  node_.update_relays(now, message.disconnected_ids, to_listings(message.connected));
}

// Spec tunnel 2.6.
template <>
void ClientState::handle(Timestamp now, portal::AuthorizationCreated& message) {
  const AuthorizationKey key{message.resource_id};
  const Resource* resource = resources_.find_routed(message.resource_id);
  // Nobody waits for a late duplicate, and the policy may have changed since it was asked for.
  if (resource == nullptr || !pending_.contains(key)) return;

  const PeerName name = message.gateway_id;
  const auto local = snownet::ice::Credentials::of(message.client_ice.username,
                                                   message.client_ice.password.reveal());
  const auto remote = snownet::ice::Credentials::of(message.gateway_ice.username,
                                                    message.gateway_ice.password.reveal());
  if (!local || !remote) return;
  Peer* peer = connect(now, {.name = name,
                             .addresses = to_model(message.gateway_addresses),
                             .side = GatewaySide{message.site_id},
                             .connection = {.key = message.gateway_public_key,
                                            .psk = std::move(message.preshared_key),
                                            .local = *local,
                                            .remote = *remote,
                                            .role = snownet::ice::Role::kControlling}});
  if (peer == nullptr) return;

  peer->gateway()->site = message.site_id;
  if (peer->is_connected) sites_.handle_connected(message.site_id);
  known_gateways_.learn(message.gateway_id);
  noticed_.erase(message.resource_id);
  if (const auto before = authorizations_.grant(message.resource_id, message.gateway_id)) {
    leave(now, *before, message.resource_id);
  }
  allow_sources(*peer, *resource);
  translate_all(now, message.resource_id);
  // The requests go out first, so that nothing overtakes them.
  settle_names(now);
  if (auto waiting = pending_.take(key)) release(now, message.resource_id, std::move(*waiting));
}

template <>
void ClientState::handle(Timestamp now, portal::AuthorizationFailed& message) {
  const AuthorizationKey key{message.resource_id};
  const Resource* resource = resources_.find_routed(message.resource_id);
  if (resource == nullptr || !pending_.contains(key)) return;
  const auto notify = [&](Notice::What what) {
    if (noticed_.insert(message.resource_id).second) {
      push_event(Notice{what, message.resource_id});
    }
  };
  using Code = portal::FailureReason::Code;
  if (message.reason.code() == Code::kOffline) {
    pending_.drop(key);
    if (const GatewayId* gateway = authorizations_.gateway_of(message.resource_id)) {
      close(now, PeerName(*gateway));
    }
    for (const Site& site : resource->sites) sites_.handle_offline(site.id, now);
    are_views_stale_ = true;
    notify(Notice::What::kAllGatewaysOffline);
    return;
  }
  pending_.handle_refused(key);
  if (message.reason.code() == Code::kVersionMismatch) notify(Notice::What::kVersionMismatch);
}

template <>
void ClientState::handle(Timestamp now, portal::GatewayCandidates& message) {
  take_candidates(now, PeerName(message.gateway_id), message.change, message.candidates);
}

template <>
void ClientState::handle(Timestamp now, portal::ClientCandidates& message) {
  take_candidates(now, PeerName(message.client_id), message.change, message.candidates);
}

// Spec tunnel 7.1: the target is told what it must admit, the initiator that it may send.
template <>
void ClientState::handle(Timestamp now, portal::DeviceAccessAuthorized& message) {
  const auto local = snownet::ice::Credentials::of(message.local_ice.username,
                                                   message.local_ice.password.reveal());
  const auto remote = snownet::ice::Credentials::of(message.remote_ice.username,
                                                    message.remote_ice.password.reveal());
  if (!local || !remote) return;
  const bool is_controlling = message.ice_role == portal::IceRole::kControlling;
  const TunnelAddresses addresses = to_model(message.client_addresses);
  Peer* peer =
      connect(now, {.name = message.client_id,
                    .addresses = addresses,
                    .side = ClientSide(message.client_name, now),
                    .connection = {.key = message.client_public_key,
                                   .psk = std::move(message.preshared_key),
                                   .local = *local,
                                   .remote = *remote,
                                   .role = is_controlling ? snownet::ice::Role::kControlling
                                                          : snownet::ice::Role::kControlled}});
  if (peer == nullptr) return;
  peer->client()->device_name = message.client_name;

  if (message.inbound) {
    peer->client()->access.grant(message.inbound->resource_id, std::move(message.inbound->filters),
                                 instant_of(message.inbound->expires_at));
    return;
  }
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    for (auto& [key, waiting] : pending_.take_devices(addresses.of(family))) {
      authorizations_.grant_device(key.resource, message.client_id);
      release(now, key.resource, std::move(waiting));
    }
  }
}

template <>
void ClientState::handle(Timestamp now, portal::DeviceAccessDenied& message) {
  std::vector<IpAddress> denied;
  if (message.ipv4) denied.emplace_back(*message.ipv4);
  if (message.ipv6) denied.emplace_back(*message.ipv6);
  for (const IpAddress& address : denied) {
    pending_.drop_device(address);
    const Peer* peer = peers_.find_at(address);
    if (peer != nullptr && !peer->is_gateway()) close(now, PeerName(peer->name));
  }
}

template <>
void ClientState::handle(Timestamp now, portal::ClientCandidateError& message) {
  const PeerName name = message.client_id;
  Peer* peer = peers_.find(name);
  if (peer == nullptr) return;
  node_.remove_connection(now, peer->id);
  lose(name);
}

template <>
void ClientState::handle(Timestamp /*now*/, portal::ResourceFiltersUpdated& message) {
  for (const auto& [name, peer] : peers_.all()) {
    if (ClientSide* client = peer->client()) {
      client->access.update_filters(message.id, message.filters);
    }
  }
}

template <>
void ClientState::handle(Timestamp /*now*/, portal::RejectAccess& message) {
  // The connection stays: access is asymmetric, we may hold rights of our own (lesson a4b31ed0c7).
  Peer* peer = peers_.find(PeerName(message.client_id));
  if (peer == nullptr) return;
  if (ClientSide* client = peer->client()) client->access.revoke(message.resource_id);
}

template <>
void ClientState::handle(Timestamp now, portal::DeviceDomainResolved& message) {
  names_.handle_pool_resolved(now, {message.resource_id, message.domain}, message.addresses.ipv4,
                              message.addresses.ipv6);
}

template <>
void ClientState::handle(Timestamp now, portal::DeviceDomainFailed& message) {
  using Failure = dns::DevicePoolStub::Failure;
  const bool is_unknown = message.reason.code() == portal::FailureReason::Code::kNotFound;
  names_.handle_pool_failed(now, {message.resource_id, message.domain},
                            is_unknown ? Failure::kNotFound : Failure::kOther);
}

template <>
void ClientState::handle(Timestamp /*now*/, portal::AccessExpiryUpdated& /*message*/) {}

void ClientState::handle_portal_message(Timestamp now, portal::ToClient message) {
  now = clamp(now);
  std::visit([&](auto& kind) { handle(now, kind); }, message);
  finish(now);
}

}  // namespace connlib::client
