#include "tests/tunnel/system/system_portal.h"

#include <algorithm>
#include <utility>

namespace connlib::tunnel {
namespace {

constexpr Duration kAuthorizationTimeout = 15s;

const std::vector<Filter>* filters_of(const portal::ClientResource& resource) {
  if (const auto* routed = std::get_if<Resource>(&resource)) return &routed->filters;
  if (const auto* pool = std::get_if<portal::StaticDevicePool>(&resource)) return &pool->filters;
  return nullptr;
}

}  // namespace

SystemPortal::SystemPortal(uint64_t seed, absl::Time date, Timestamp start, Relays relays)
    : random_(seed), date_(date), start_(start), relays_(std::move(relays)) {}

// --- Who there is.

SystemPortal::Device SystemPortal::make_device(std::string id,
                                               const portal::TunnelAddresses& addresses) {
  const auto bytes = random_.bytes<32>();
  return {std::move(id), addresses, SiteId(), Secret<32>(std::span<const uint8_t, 32>(bytes)),
          std::nullopt};
}

void SystemPortal::add_client(const ClientId& id, const portal::TunnelAddresses& addresses) {
  clients_.emplace(id, make_device(id.value(), addresses));
}

void SystemPortal::add_gateway(const GatewayId& id, const SiteId& site,
                               const portal::TunnelAddresses& addresses) {
  gateways_.emplace(id, make_device(id.value(), addresses)).first->second.site = site;
}

void SystemPortal::handle_joined(Timestamp now, const PeerId& id, const PublicKey& key) {
  if (const auto* client = std::get_if<ClientId>(&id)) {
    clients_.at(*client).key = key;
    send_init(*client);
  } else {
    gateways_.at(std::get<GatewayId>(id)).key = key;
    send_init(now, std::get<GatewayId>(id));
  }
}

void SystemPortal::handle_left(const PeerId& id) {
  if (const auto* client = std::get_if<ClientId>(&id)) {
    clients_.at(*client).key.reset();
  } else {
    gateways_.at(std::get<GatewayId>(id)).key.reset();
  }
}

void SystemPortal::send_init(const ClientId& id) {
  portal::ClientInit init;
  init.interface = interface_;
  init.interface.addresses = clients_.at(id).addresses;
  for (const auto& [resource, entry] : resources_) {
    if (entry.allowed.contains(id)) init.resources.push_back(entry.resource);
  }
  init.relays = relays_(id.value());
  for (const auto& [key, expires_at] : grants_) {
    if (key.responder == PeerId(id)) {
      init.authorizations.push_back({key.client, key.resource, date_of(expires_at)});
    }
  }
  say(id, std::move(init));
}

void SystemPortal::send_init(Timestamp now, const GatewayId& id) {
  portal::GatewayInit init;
  init.interface = gateways_.at(id).addresses;
  init.relays = relays_(id.value());
  for (const auto& [key, expires_at] : grants_) {
    if (key.responder == PeerId(id) && expires_at > now) {
      init.authorizations.push_back({key.client, key.resource, date_of(expires_at)});
    }
  }
  say(id, std::move(init));
}

// --- What people edit.

bool SystemPortal::may(const ClientId& client, const ResourceId& resource) const {
  const auto entry = resources_.find(resource);
  return entry != resources_.end() && entry->second.allowed.contains(client);
}

void SystemPortal::put(portal::ClientResource resource) {
  const ResourceId id = portal::id_of(resource);
  Entry& entry = resources_[id];
  const portal::ClientResource before = std::exchange(entry.resource, std::move(resource));
  const auto* was = std::get_if<Resource>(&before);
  const auto* is = std::get_if<Resource>(&entry.resource);
  const bool is_moved =
      was != nullptr && is != nullptr && (was->address != is->address || was->sites != is->sites);
  if (is_moved) end_grants(id, std::nullopt);
  const auto* filters = filters_of(entry.resource);
  for (const auto& [key, expires_at] : grants_) {
    if (key.resource != id || filters == nullptr) continue;
    if (const auto* target = std::get_if<ClientId>(&key.responder)) {
      say(*target, portal::ResourceFiltersUpdated{id, *filters});
    }
  }
  if (is != nullptr && was != nullptr && !is_moved) {
    for (const auto& [gateway, device] : gateways_) {
      say(gateway, portal::GatewayResourceUpdated{*is});
    }
  }
  for (const ClientId& client : entry.allowed) {
    if (is_moved) say(client, portal::ResourceDeleted{id});
    say(client, portal::ResourceUpserted{entry.resource});
  }
}

void SystemPortal::remove(const ResourceId& id) {
  const auto found = resources_.find(id);
  if (found == resources_.end()) return;
  end_grants(id, std::nullopt);
  for (const ClientId& client : found->second.allowed) say(client, portal::ResourceDeleted{id});
  resources_.erase(found);
}

void SystemPortal::allow(const ClientId& client, const ResourceId& resource) {
  Entry& entry = resources_.at(resource);
  if (entry.allowed.insert(client).second) say(client, portal::ResourceUpserted{entry.resource});
}

void SystemPortal::deny(const ClientId& client, const ResourceId& resource) {
  if (resources_.at(resource).allowed.erase(client) == 0) return;
  end_grants(resource, client);
  say(client, portal::ResourceDeleted{resource});
}

void SystemPortal::end_grants(const ResourceId& resource, const std::optional<ClientId>& client) {
  const auto concerns = [&](const ClientId& who, const ResourceId& what) {
    return what == resource && (!client || who == *client);
  };
  std::erase_if(pending_,
                [&](const auto& it) { return concerns(it.second.client, it.second.resource); });
  std::erase_if(grants_, [&](const auto& it) {
    const GrantKey& key = it.first;
    if (!concerns(key.client, key.resource)) return false;
    say(key.responder, portal::RejectAccess{key.client, key.resource});
    return true;
  });
}

void SystemPortal::set_interface(portal::InterfaceConfig config) {
  interface_ = std::move(config);
  for (const auto& [id, device] : clients_) {
    portal::ConfigChanged message{interface_};
    message.interface.addresses = device.addresses;
    say(id, std::move(message));
  }
}

void SystemPortal::announce_relays(const std::vector<RelayId>& disconnected) {
  for (const auto& [id, device] : clients_) {
    say(id, portal::RelaysPresence{disconnected, relays_(id.value())});
  }
  for (const auto& [id, device] : gateways_) {
    say(id, portal::RelaysPresence{disconnected, relays_(id.value())});
  }
}

// --- What peers say.

void SystemPortal::handle(Timestamp now, const ClientId& from, const portal::FromClient& message) {
  if (!clients_.at(from).key) return;
  if (const auto* wanted = std::get_if<portal::RequestAuthorization>(&message)) {
    ++requests_;
    request(now, from, *wanted);
  } else if (const auto* for_gateway = std::get_if<portal::GatewayCandidates>(&message)) {
    say(for_gateway->gateway_id,
        portal::ClientCandidates{for_gateway->change, from, for_gateway->candidates});
  } else if (const auto* for_client = std::get_if<portal::ClientCandidates>(&message)) {
    say(for_client->client_id,
        portal::ClientCandidates{for_client->change, from, for_client->candidates});
  } else if (std::holds_alternative<portal::NoRelays>(message)) {
    say(from, portal::RelaysPresence{{}, relays_(from.value())});
  }
}

void SystemPortal::handle(Timestamp, const GatewayId& from, const portal::FromGateway& message) {
  if (!gateways_.at(from).key) return;
  if (const auto* ready = std::get_if<portal::AuthorizationAcknowledged>(&message)) {
    acknowledge(ready->ref);
  } else if (const auto* candidates = std::get_if<portal::BroadcastCandidates>(&message)) {
    for (const ClientId& client : candidates->client_ids) {
      say(client, portal::GatewayCandidates{candidates->change, from, candidates->candidates});
    }
  } else if (std::holds_alternative<portal::NoRelays>(message)) {
    say(from, portal::RelaysPresence{{}, relays_(from.value())});
  }
}

void SystemPortal::request(Timestamp now, const ClientId& from,
                           const portal::RequestAuthorization& message) {
  using Code = portal::FailureReason::Code;
  const ResourceId& id = message.resource_id;
  if (!may(from, id)) return refuse(from, id, Code::kForbidden);
  if (message.device) return request_device(now, from, message);
  const auto* resource = std::get_if<Resource>(&resources_.at(id).resource);
  const auto gateway =
      resource == nullptr ? std::nullopt : choose(*resource, message.connected_gateway_ids);
  if (!gateway) return refuse(from, id, Code::kOffline);

  const Device& client = clients_.at(from);
  const Device& responder = gateways_.at(*gateway);
  std::erase_if(pending_, [&](const auto& it) {
    return it.second.client == from && it.second.resource == id;
  });
  const std::string ref = "ref-" + std::to_string(requests_);
  pending_.emplace(ref, Request{from, id, *gateway, now + kAuthorizationTimeout});
  const Timestamp expires_at = expiry(now);
  grants_[{from, id, *gateway}] = expires_at;
  auto ice = portal::derive_ice_credentials(view(client), view(responder));
  portal::CreateAuthorization create;
  create.ref = ref;
  create.resource = *resource;
  create.resource.sites.clear();
  create.client.id = from;
  create.client.public_key = *client.key;
  create.client.preshared_key = portal::derive_preshared_key(view(client), view(responder));
  create.client.addresses = client.addresses;
  create.client_ice = std::move(ice.initiator);
  create.gateway_ice = std::move(ice.responder);
  if (expires_at != Timestamp::never()) create.expires_at = date_of(expires_at);
  say(*gateway, std::move(create));
}

std::optional<GatewayId> SystemPortal::choose(const Resource& resource,
                                              const std::vector<GatewayId>& preferred) {
  std::vector<GatewayId> known;
  std::vector<GatewayId> all;
  for (const auto& [id, device] : gateways_) {
    const SiteId& here = device.site;
    const bool serves = device.key && std::any_of(resource.sites.begin(), resource.sites.end(),
                                                  [&](const Site& s) { return s.id == here; });
    if (!serves) continue;
    all.push_back(id);
    if (std::find(preferred.begin(), preferred.end(), id) != preferred.end()) known.push_back(id);
  }
  const auto& candidates = known.empty() ? all : known;
  if (candidates.empty()) return std::nullopt;
  return candidates[random_.below(candidates.size())];
}

void SystemPortal::acknowledge(const std::string& ref) {
  const auto found = pending_.find(ref);
  if (found == pending_.end()) return;
  const Request request = found->second;
  pending_.erase(found);
  const Device& client = clients_.at(request.client);
  const Device& responder = gateways_.at(request.gateway);
  if (!client.key || !responder.key) return;
  auto ice = portal::derive_ice_credentials(view(client), view(responder));
  say(request.client, portal::AuthorizationCreated{.resource_id = request.resource,
                                                   .gateway_id = request.gateway,
                                                   .site_id = responder.site,
                                                   .gateway_public_key = *responder.key,
                                                   .gateway_addresses = responder.addresses,
                                                   .preshared_key = portal::derive_preshared_key(
                                                       view(client), view(responder)),
                                                   .client_ice = std::move(ice.initiator),
                                                   .gateway_ice = std::move(ice.responder),
                                                   .use_iceless = false,
                                                   .flow_logs_ingest_token = SecretText()});
}

// --- Client to client.

void SystemPortal::request_device(Timestamp now, const ClientId& from,
                                  const portal::RequestAuthorization& message) {
  const auto* pool =
      std::get_if<portal::StaticDevicePool>(&resources_.at(message.resource_id).resource);
  const IpAddress device = *message.device;
  const auto deny = [&](portal::FailureReason::Code why) {
    portal::DeviceAccessDenied denied{why, std::nullopt, std::nullopt, std::nullopt};
    if (const auto* v4 = device.v4()) denied.ipv4 = *v4;
    if (const auto* v6 = device.v6()) denied.ipv6 = *v6;
    say(from, std::move(denied));
  };
  if (pool == nullptr) return deny(portal::FailureReason::Code::kForbidden);
  for (const portal::PoolDevice& member : pool->devices) {
    const auto& addresses = member.addresses;
    if (device != IpAddress(addresses.ipv4) && device != IpAddress(addresses.ipv6)) continue;
    const auto target = clients_.find(member.client_id);
    if (target == clients_.end() || !target->second.key) break;
    const Timestamp expires_at = expiry(now);
    grants_[{from, pool->id, member.client_id}] = expires_at;
    introduce(from, member.client_id,
              portal::DeviceAccessAuthorized::Inbound{pool->id, pool->filters, date_of(expires_at)},
              true);
    introduce(from, member.client_id, std::nullopt, false);
    return;
  }
  deny(portal::FailureReason::Code::kOffline);
}

void SystemPortal::introduce(const ClientId& initiator, const ClientId& target,
                             std::optional<portal::DeviceAccessAuthorized::Inbound> inbound,
                             bool to_target) {
  const Device& first = clients_.at(initiator);
  const Device& second = clients_.at(target);
  auto ice = portal::derive_ice_credentials(view(first), view(second));
  const Device& other = to_target ? first : second;
  say(to_target ? target : initiator,
      portal::DeviceAccessAuthorized{
          .client_id = to_target ? initiator : target,
          .client_name = other.id,
          .client_public_key = *other.key,
          .client_addresses = other.addresses,
          .preshared_key = portal::derive_preshared_key_of_clients(view(first), view(second)),
          .local_ice = to_target ? std::move(ice.responder) : ice.initiator.clone(),
          .remote_ice = to_target ? std::move(ice.initiator) : std::move(ice.responder),
          .ice_role = to_target ? portal::IceRole::kControlled : portal::IceRole::kControlling,
          .use_iceless = false,
          .inbound = std::move(inbound),
          .flow_logs_ingest_token = SecretText()});
}

// --- Time and words.

void SystemPortal::handle_timeout(Timestamp now) {
  std::erase_if(grants_, [&](const auto& it) { return it.second <= now; });
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    refuse(it->second.client, it->second.resource, portal::FailureReason::Code::kOffline);
    it = pending_.erase(it);
  }
}

Timestamp SystemPortal::next_timeout() const {
  Timestamp next = Timestamp::never();
  for (const auto& [ref, request] : pending_) next = std::min(next, request.deadline);
  return next;
}

Timestamp SystemPortal::expiry(Timestamp now) const {
  return lifetime_ ? now + *lifetime_ : Timestamp::never();
}

absl::Time SystemPortal::date_of(Timestamp at) const {
  // Whole seconds on the wire; a grant of the portal's never ends later than it says.
  return absl::FromUnixSeconds(absl::ToUnixSeconds(date_ + absl::FromChrono(at - start_)));
}

portal::Device SystemPortal::view(const Device& device) const {
  return {device.id, device.key.value_or(PublicKey{}), device.psk_base};
}

void SystemPortal::refuse(const ClientId& client, const ResourceId& resource,
                          portal::FailureReason::Code reason) {
  say(client, portal::AuthorizationFailed{resource, reason, {}});
}

template <typename Message>
void SystemPortal::say(const PeerId& to, Message message) {
  const bool is_client = std::holds_alternative<ClientId>(to);
  if constexpr (std::is_constructible_v<portal::ToClient, Message>) {
    if (is_client) out_.push_back({to, portal::ToClient(std::move(message))});
  }
  if constexpr (std::is_constructible_v<portal::ToGateway, Message>) {
    if (!is_client) out_.push_back({to, portal::ToGateway(std::move(message))});
  }
}

std::optional<SystemPortal::Outgoing> SystemPortal::poll() {
  if (out_.empty()) return std::nullopt;
  Outgoing out = std::move(out_.front());
  out_.pop_front();
  return out;
}

}  // namespace connlib::tunnel
