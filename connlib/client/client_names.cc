// Names: what applications ask the sentinels, and how their addresses come to mean something at a
// gateway (spec tunnel 3, 4.3).
#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/client/client_state.h"
#include "connlib/dns/recursion.h"
#include "connlib/model/addressing.h"

namespace connlib::client {
namespace {

// The proxies that a resource answers with: four, or four of each family.
std::vector<IpAddress> proxies_of(const dns::Assignment& assignment, IpStack stack) {
  std::vector<IpAddress> out;
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    if (!allows(stack, family)) continue;
    for (uint32_t i = 0; i < dns::kProxiesPerFamily; ++i) {
      out.push_back(assignment.proxy(family, i));
    }
  }
  return out;
}

}  // namespace

ClientState::Decision ClientState::take_dns(Timestamp now, IpPacket& packet) {
  const uint64_t unmapped = names_.drops().unmapped_sentinel;
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto outcome = names_.handle_tun_packet(now, packet, out);
  if (const auto* reply = std::get_if<dns::Resolver::Reply>(&outcome)) push_packet(reply->packet);
  settle_names(now);
  if (std::holds_alternative<dns::Resolver::Reply>(outcome)) return Fate::kAnswered;
  // Never routed, or yesterday's server would ask for an authorization (lesson 1546d02e7e).
  return names_.drops().unmapped_sentinel == unmapped ? Fate::kTaken : Fate::kUnmappedSentinel;
}

// Acts on everything that names and their translations have to say.
void ClientState::settle_names(Timestamp now) {
  while (const auto answered = names_.poll_answered_name()) {
    handle_answered(now, names_.resources().assignments().all()[answered->assignment]);
  }
  while (const auto query = names_.poll_site_query()) {
    const GatewayId* gateway = authorizations_.gateway_of(query->resource);
    const Peer* peer = gateway == nullptr ? nullptr : peers_.find(*gateway);
    if (peer == nullptr) {
      pending_.add_query(now, {query->resource}, query->id);
    } else {
      names_.forward_to_gateway(now, query->id, peer->addresses.ipv4, peer->addresses.ipv6);
    }
  }
  while (auto request = names_.poll_pool_request()) {
    push_event(portal::FromClient(
        portal::ResolveDeviceDomain{std::move(request->pool), std::move(request->domain)}));
  }
  while (const auto request = nat_.poll_transmit()) {
    Peer* peer = peers_.find(request->gateway);
    if (peer != nullptr) send_own(now, *peer, request->packet);
  }
  while (const auto event = nat_.poll_event()) {
    auto packets = held_.take(event->key);
    if (event->kind != nat::ClientNat::Event::Kind::kRelease) continue;
    for (auto& packet : packets) replay(now, packet);
  }
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  for (auto packet = names_.poll_packet(now, buffer); !packet.empty();
       packet = names_.poll_packet(now, buffer)) {
    push_packet(packet);
  }
  for (auto packet = names_.poll_tunnel_packet(now, buffer); !packet.empty();
       packet = names_.poll_tunnel_packet(now, buffer)) {
    replay(now, packet);
  }
}

// Each answer makes the gateway resolve the name again: the only refresh there is (spec 3.4).
void ClientState::handle_answered(Timestamp now, const dns::Assignment& assignment) {
  nat_.recreate(domain_of(assignment));
  for (const dns::Assignment::Match& match : assignment.matches) {
    lead_to(match.resource, assignment, match.pattern);
    translate(now, match.resource, assignment);
  }
}

void ClientState::lead_to(const ResourceId& id, const dns::Assignment& assignment,
                          std::string_view pattern) {
  const Resource* resource = resources_.find_routed(id);
  const auto* dns = resource ? std::get_if<DnsAddress>(&resource->address) : nullptr;
  if (dns == nullptr) return;
  for (const IpAddress& proxy : proxies_of(assignment, dns->ip_stack)) {
    routes_.add_proxy(id, proxy, pattern);
  }
}

// Tells the gateway of a resource, if there is one, what the proxies of a name stand for; from then
// on it may answer from them.
void ClientState::translate(Timestamp now, const ResourceId& id,
                            const dns::Assignment& assignment) {
  const Resource* resource = resources_.find_routed(id);
  const auto* dns = resource ? std::get_if<DnsAddress>(&resource->address) : nullptr;
  const GatewayId* gateway = authorizations_.gateway_of(id);
  Peer* peer = gateway == nullptr ? nullptr : peers_.find(*gateway);
  if (dns == nullptr || peer == nullptr || !peer->is_gateway()) return;
  const std::vector<IpAddress> proxies = proxies_of(assignment, dns->ip_stack);
  nat_.update(now, {*gateway, domain_of(assignment), id}, proxies);
  for (const IpAddress& proxy : proxies) {
    const auto network = IpPrefix::of(proxy, proxy.is_v4() ? 32 : 128);
    if (network) peer->gateway()->sources.allow(id, *network);
  }
}

void ClientState::translate_all(Timestamp now, const ResourceId& id) {
  for (const dns::Assignment* assignment : names_.resources().assignments_of(id)) {
    translate(now, id, *assignment);
  }
}

// A packet to a name waits until its gateway knows what the address stands for.
nat::ClientNat::Verdict ClientState::ask_translation(Timestamp now, const IpPacket& packet,
                                                     const GatewayId& gateway,
                                                     const ResourceId& resource) {
  using Verdict = nat::ClientNat::Verdict;
  const dns::Assignment* assignment =
      std::as_const(names_).resources().assignments().find(packet.destination());
  if (assignment == nullptr) return Verdict::kPass;
  const std::string& domain = domain_of(*assignment);
  const Verdict verdict = nat_.handle_outgoing(now, {gateway, domain, resource});
  if (verdict == Verdict::kHold) held_.push({gateway, domain, resource}, packet.bytes());
  return verdict;
}

// Packets ask for it, so the text is made once per name.
const std::string& ClientState::domain_of(const dns::Assignment& assignment) {
  const uint32_t index = dns::AssignmentTable::index_of(assignment);
  if (domains_.size() <= index) domains_.resize(index + 1);
  if (domains_[index].empty()) domains_[index] = to_text(assignment.name());
  return domains_[index];
}

void ClientState::handle_system_resolvers(Timestamp now, std::span<const IpAddress> servers) {
  now = clamp(now);
  names_.set_system_servers(servers);
  are_views_stale_ = true;
  finish(now);
}

void ClientState::handle_dns_result(Timestamp now, const dns::QueryResult& result) {
  now = clamp(now);
  names_.handle_result(now, result);
  finish(now);
}

// Queries to a server of the portal's go through the tunnel where it leads there, by the filters
// too: asking where nothing answers would only cost a timeout (spec tunnel 3.7, 12.1).
void ClientState::update_tunnelled_servers() {
  const auto& sentinels = names_.sentinels();
  std::vector<IpAddress> tunnelled;
  for (const auto& mapping : sentinels.mappings()) {
    const auto* server = std::get_if<dns::Do53Server>(&mapping.upstream);
    if (server == nullptr) continue;
    const auto leads = [&](Protocol protocol) {
      const auto route = routes_.find(server->ip, protocol);
      return route && route->is_permitted && route->device == nullptr;
    };
    const dns::ServerRoutes routes{routes_.internet().has_value(), leads(Protocol::udp(kDnsPort)),
                                   leads(Protocol::tcp(kDnsPort))};
    if (goes_through_tunnel(sentinels.origin(), routes)) tunnelled.push_back(server->ip);
  }
  if (tunnelled == tunnelled_servers_) return;
  names_.set_tunnelled_servers(tunnelled);
  tunnelled_servers_ = std::move(tunnelled);
}

}  // namespace connlib::client
