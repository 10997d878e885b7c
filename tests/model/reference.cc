#include "tests/model/reference.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "connlib/model/addressing.h"

namespace connlib::model_test {
namespace {

const CidrAddress* network_of(const Resource& resource) {
  return std::get_if<CidrAddress>(&resource.address);
}
const DnsAddress* name_of(const Resource& resource) {
  return std::get_if<DnsAddress>(&resource.address);
}
bool is_internet(const Resource& resource) {
  return std::holds_alternative<InternetAddress>(resource.address);
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The more is known before the wildcard, the more specific: literal, `*.`, `**.`.
int specificity(const std::string& pattern) {
  if (pattern.starts_with("**.")) return 0;
  return pattern.starts_with("*.") ? 1 : 2;
}

bool covers(const Resource& resource, const Destination& to) {
  if (!to.domain.empty()) {
    const DnsAddress* name = name_of(resource);
    return name != nullptr && allows(name->ip_stack, to.address.family()) &&
           matches(name->pattern, to.domain);
  }
  const CidrAddress* network = network_of(resource);
  return network != nullptr && network->network.contains(to.address);
}

bool is_permitted(const Resource& resource, const Traffic& traffic) {
  return permits(resource.filters, traffic.protocol, traffic.port);
}

// The rule of spec tunnel 2.3, best first: permitted, specific pattern, long prefix, high id.
auto rank(const Resource& resource, const Traffic& traffic) {
  const DnsAddress* name = name_of(resource);
  const CidrAddress* network = network_of(resource);
  return std::tuple(is_permitted(resource, traffic), name ? specificity(name->pattern) : -1,
                    network ? network->network.length() : 0, resource.id);
}

}  // namespace

const char* name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNothing:
      return "nothing";
    case Outcome::kRefusedByClient:
      return "refused by the client";
    case Outcome::kReaches:
      return "reaches";
    case Outcome::kRefusedByGateway:
      return "refused by the gateway";
    case Outcome::kNoRoute:
      return "no route";
  }
  return "unknown";
}

// Spec tunnel 6.3.
bool leads_to_internet(const IpAddress& address) {
  for (const char* inside : {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                             "fc00::/7", "fe80::/10"}) {
    if (IpPrefix::parse(inside).value().contains(address)) return false;
  }
  return true;
}

bool matches(const std::string& pattern, const std::string& domain) {
  if (pattern.starts_with("**.")) {
    const std::string base = pattern.substr(3);
    return domain == base || ends_with(domain, "." + base);
  }
  if (pattern.starts_with("*.")) {
    const std::string base = pattern.substr(2);
    if (domain == base) return true;
    if (!ends_with(domain, "." + base)) return false;
    const std::string label = domain.substr(0, domain.size() - base.size() - 1);
    return label.find('.') == std::string::npos;
  }
  return pattern == domain;
}

// --- What the portal says to clients.

void Reference::hear(size_t client, const portal::ToClient& message) {
  Client& who = clients_[client];
  if (const auto* init = std::get_if<portal::ClientInit>(&message)) {
    std::set<ResourceId> listed;
    for (const auto& resource : init->resources) listed.insert(portal::id_of(resource));
    const auto before = who.view;
    for (const auto& [id, resource] : before) {
      if (listed.contains(id)) continue;
      forget(client, id);
      who.view.erase(id);
    }
    for (const auto& resource : init->resources) {
      if (const auto* routed = std::get_if<Resource>(&resource)) replace(client, *routed);
    }
  } else if (const auto* upserted = std::get_if<portal::ResourceUpserted>(&message)) {
    if (const auto* routed = std::get_if<Resource>(&upserted->resource)) replace(client, *routed);
  } else if (const auto* deleted = std::get_if<portal::ResourceDeleted>(&message)) {
    forget(client, deleted->id);
    who.view.erase(deleted->id);
  } else if (const auto* granted = std::get_if<portal::AuthorizationCreated>(&message)) {
    if (!who.view.contains(granted->resource_id)) return;
    const size_t gateway = numbers_.at(granted->gateway_id);
    const auto before = gateway_of(client, granted->resource_id);
    who.gateway_of[granted->resource_id] = gateway;
    if (before && *before != gateway && !is_peer(client, *before)) leave(client, *before);
  } else if (const auto* failed = std::get_if<portal::AuthorizationFailed>(&message)) {
    if (failed->reason.code() != portal::FailureReason::Code::kOffline) return;
    if (const auto gateway = gateway_of(client, failed->resource_id)) {
      std::erase_if(who.gateway_of, [&](const auto& it) { return it.second == *gateway; });
      leave(client, *gateway);
    }
  }
}

// A change of what matters for routing is another resource under the same id.
void Reference::replace(size_t client, const Resource& resource) {
  auto& view = clients_[client].view;
  const auto found = view.find(resource.id);
  if (found != view.end() && !found->second.is_routed_like(resource)) forget(client, resource.id);
  view.insert_or_assign(resource.id, resource);
}

// A client that has no more use for a gateway says goodbye.
void Reference::forget(size_t client, const ResourceId& resource) {
  const auto gateway = gateway_of(client, resource);
  if (!gateway) return;
  clients_[client].gateway_of.erase(resource);
  if (!is_peer(client, *gateway)) leave(client, *gateway);
}

void Reference::leave(size_t client, size_t gateway) { gateways_[gateway].grants.erase(client); }

// --- What the portal says to gateways.

void Reference::hear(Timestamp now, size_t gateway, const portal::ToGateway& message) {
  advance(now);
  auto& grants = gateways_[gateway].grants;
  if (const auto* init = std::get_if<portal::GatewayInit>(&message)) {
    std::map<std::pair<size_t, ResourceId>, Timestamp> listed;
    for (const portal::Grant& grant : init->authorizations) {
      listed[{client_numbers_.at(grant.client_id), grant.resource_id}] =
          instant_of(grant.expires_at);
    }
    for (auto& [number, held] : grants) {
      const size_t client = number;
      std::erase_if(held, [&](const auto& it) { return !listed.contains({client, it.first}); });
      for (auto& [id, grant] : held) grant.expires_at = listed.at({client, id});
    }
  } else if (const auto* created = std::get_if<portal::CreateAuthorization>(&message)) {
    grants[client_numbers_.at(created->client.id)].insert_or_assign(
        created->resource.id,
        Grant{created->resource,
              created->expires_at ? instant_of(*created->expires_at) : Timestamp::never()});
  } else if (const auto* rejected = std::get_if<portal::RejectAccess>(&message)) {
    const auto client = grants.find(client_numbers_.at(rejected->client_id));
    if (client != grants.end()) client->second.erase(rejected->resource_id);
  } else if (const auto* updated = std::get_if<portal::GatewayResourceUpdated>(&message)) {
    for (auto& [client, held] : grants) {
      const auto grant = held.find(updated->resource.id);
      if (grant != held.end()) grant->second.resource.filters = updated->resource.filters;
    }
  }
  advance(now);
}

// A gateway that has no more use for a client says goodbye, and the client believes it.
void Reference::dismiss(size_t gateway, size_t client) {
  gateways_[gateway].grants.erase(client);
  std::erase_if(clients_[client].gateway_of, [&](const auto& it) { return it.second == gateway; });
}

void Reference::advance(Timestamp now) {
  for (size_t gateway = 0; gateway < gateways_.size(); ++gateway) {
    auto& grants = gateways_[gateway].grants;
    std::vector<size_t> empty;
    for (auto& [client, held] : grants) {
      std::erase_if(held, [&](const auto& it) { return it.second.expires_at <= now; });
      if (held.empty()) empty.push_back(client);
    }
    for (const size_t client : empty) dismiss(gateway, client);
  }
}

Timestamp Reference::instant_of(absl::Time date) const {
  return start_ + absl::ToChronoNanoseconds(date - date_);
}

// --- What happens.

void Reference::client_restarted(size_t client) {
  clients_[client] = {};
  for (Gateway& gateway : gateways_) gateway.grants.erase(client);
}

void Reference::gateway_gone(size_t gateway) {
  for (size_t client = 0; client < clients_.size(); ++client) dismiss(gateway, client);
}

// --- What must be.

Reference::Choice Reference::choose(size_t client, const Destination& to,
                                    const Traffic& traffic) const {
  const Client& who = clients_[client];
  Choice best;
  for (const auto& [id, resource] : who.view) {
    if (!covers(resource, to)) continue;
    if (best.resource == nullptr || rank(resource, traffic) > rank(*best.resource, traffic)) {
      best = {&resource, is_permitted(resource, traffic)};
    }
  }
  if (best.resource != nullptr || !to.domain.empty() || !who.wants_internet) return best;
  if (kPeerRange.contains(to.address)) return best;
  for (const auto& [id, resource] : who.view) {
    if (is_internet(resource)) return {&resource, true};
  }
  return best;
}

std::optional<size_t> Reference::gateway_of(size_t client, const ResourceId& resource) const {
  const auto& known = clients_[client].gateway_of;
  const auto found = known.find(resource);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

bool Reference::is_peer(size_t client, size_t gateway) const {
  const auto& known = clients_[client].gateway_of;
  return std::any_of(known.begin(), known.end(),
                     [&](const auto& it) { return it.second == gateway; });
}

// The order of spec tunnel 5.4 and 6.3, for packets from the client's own address.
std::set<Outcome> Reference::judge(size_t gateway, size_t client, const Destination& to,
                                   const Traffic& traffic) const {
  const auto held = gateways_[gateway].grants.find(client);
  if (held == gateways_[gateway].grants.end()) return {Outcome::kNothing};
  bool has_internet = false;
  bool is_covered = false;
  for (const auto& [id, grant] : held->second) {
    has_internet |= is_internet(grant.resource);
    is_covered |= covers(grant.resource, to) && is_permitted(grant.resource, traffic);
  }
  if (has_internet && to.domain.empty()) {
    return {leads_to_internet(to.address) ? Outcome::kReaches : Outcome::kNoRoute};
  }
  return {is_covered ? Outcome::kReaches : Outcome::kRefusedByGateway};
}

bool Reference::has_grants(size_t gateway, size_t client) const {
  return gateways_[gateway].grants.contains(client);
}

bool Reference::has_grant(size_t gateway, size_t client, const ResourceId& resource) const {
  const auto held = gateways_[gateway].grants.find(client);
  return held != gateways_[gateway].grants.end() && held->second.contains(resource);
}

bool Reference::expires_soon(size_t client, Timestamp now, Duration span) const {
  for (const Gateway& gateway : gateways_) {
    const auto held = gateway.grants.find(client);
    if (held == gateway.grants.end()) continue;
    for (const auto& [id, grant] : held->second) {
      if (grant.expires_at < now + span) return true;
    }
  }
  return false;
}

std::vector<const Resource*> Reference::named(size_t client, const std::string& domain) const {
  std::vector<const Resource*> out;
  for (const auto& [id, resource] : clients_[client].view) {
    const DnsAddress* name = name_of(resource);
    if (name != nullptr && matches(name->pattern, domain)) out.push_back(&resource);
  }
  return out;
}

// Spec tunnel 1.1.
std::set<IpPrefix> Reference::routes(size_t client) const {
  std::set<IpPrefix> out;
  for (const char* always :
       {"100.64.0.0/11", "fd00:2021:1111::/107", "100.96.0.0/11", "fd00:2021:1111:8000::/107",
        "100.100.111.0/24", "fd00:2021:1111:8000:100:100:111:0/120"}) {
    out.insert(IpPrefix::parse(always).value());
  }
  for (const auto& [id, resource] : clients_[client].view) {
    if (const CidrAddress* network = network_of(resource)) out.insert(network->network);
    if (is_internet(resource) && clients_[client].wants_internet) {
      out.insert(IpPrefix::parse("0.0.0.0/0").value());
      out.insert(IpPrefix::parse("::/0").value());
    }
  }
  return out;
}

}  // namespace connlib::model_test
