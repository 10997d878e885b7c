#include "connlib/gateway/client_on_gateway.h"

#include <algorithm>
#include <string>
#include <utility>

#include <absl/strings/ascii.h>

#include "connlib/dns/name.h"
#include "connlib/gateway/host_policy.h"
#include "connlib/model/addressing.h"

namespace connlib::gateway {

using snownet::node::PeerId;

namespace {

bool is_expired(const std::variant<std::span<uint8_t>, nat::GatewayNat::Miss>& translated) {
  const auto* miss = std::get_if<nat::GatewayNat::Miss>(&translated);
  return miss != nullptr && *miss == nat::GatewayNat::Miss::kExpired;
}

}  // namespace

ClientOnGateway::ClientOnGateway(PeerId peer, ClientId id, const TunnelAddresses& addresses,
                                 Timestamp now)
    : peer_(peer),
      id_(std::move(id)),
      addresses_(addresses),
      nat_(now, {.sessions = {}, .proxies = kMaxProxiesPerClient}) {}

// --- What the portal says.

Grants::Added ClientOnGateway::grant(Grant grant) {
  const auto added = grants_.add(std::move(grant));
  access_.rebuild();
  return added;
}

Grants::Updated ClientOnGateway::update_filters(const Resource& resource) {
  // The grant stays where it is, and the table of networks points at it.
  return grants_.update_filters(resource);
}

void ClientOnGateway::revoke(const ResourceId& resource) {
  if (grants_.remove(resource)) access_.rebuild();
}

void ClientOnGateway::retain(const std::map<ResourceId, Timestamp>& listed) {
  if (!grants_.retain(listed).empty()) access_.rebuild();
}

void ClientOnGateway::expire(Timestamp now) {
  if (now < grants_.next_expiry()) return;
  if (!grants_.expire(now).empty()) access_.rebuild();
}

// --- Names.

bool ClientOnGateway::may_resolve(Timestamp now, const ResolutionWaiter& waiter) {
  expire(now);
  const Grant* grant = grants_.find(waiter.resource);
  if (grant == nullptr || !grant->pattern) return false;
  const auto name = dns::Name::parse(waiter.domain);
  return name && grant->pattern->matches(*name);
}

bool ClientOnGateway::install(Timestamp now, const ResolutionWaiter& waiter,
                              std::span<const IpAddress> addresses, std::optional<Duration> ttl) {
  if (!may_resolve(now, waiter)) return false;  // Much may have happened since it was asked.
  const std::string domain = absl::AsciiStrToLower(waiter.domain);
  switch (nat_.install(domain, waiter.proxies, addresses)) {
    case nat::GatewayNat::Installed::kInstalled:
      break;
    case nat::GatewayNat::Installed::kRenumbered:
      access_.clear_proxies();
      refreshes_.clear();
      break;
    case nat::GatewayNat::Installed::kTooMany:
      return false;
  }
  if (ttl) {
    ResolutionWaiter again = waiter;
    again.wants_answer = false;
    refreshes_.set(domain, std::move(again),
                   now + std::clamp(*ttl, kMinRefreshInterval, kMaxRefreshInterval));
  }
  const auto name = dns::Name::parse(domain);
  return name && std::all_of(waiter.proxies.begin(), waiter.proxies.end(), [&](const auto& proxy) {
           return access_.assign(proxy, *name, waiter.resource);
         });
}

std::vector<ResolutionWaiter> ClientOnGateway::take_refreshes(Timestamp now) {
  return refreshes_.take_due(now, [&](const ResolutionWaiter& waiter) {
    return may_resolve(now, waiter) &&
           std::any_of(waiter.proxies.begin(), waiter.proxies.end(), [&](const IpAddress& proxy) {
             return nat_.sessions().has_sessions_to(proxy);
           });
  });
}

// --- Packets.

// The order of spec tunnel 5.4.
Admission ClientOnGateway::admit_outbound(Timestamp now, const TunnelAddresses& own,
                                          IpPacket& packet) {
  if (packet.is_icmp_error()) return Unroutable::kOutboundIcmpError;
  if (!addresses_.contains(packet.source())) return Unroutable::kNotTunnelSource;
  const IpAddress destination = packet.destination();
  if (own.contains(destination)) {
    if (!admits_to_host(packet)) return Unroutable::kClosedHostPort;
    return Admitted{};
  }
  if (kPeerRange.contains(destination)) return Unroutable::kOtherPeer;

  expire(now);
  const auto verdict = access_.find(destination, packet.destination_protocol());
  switch (verdict.decision) {
    case Access::Decision::kAllowed:
      break;
    case Access::Decision::kNotAllowed:
      return Unroutable::kNotAllowed;
    case Access::Decision::kNotInternet:
      return Unroutable::kNotInternet;
  }
  const Admitted admitted{verdict.grant, verdict.domain};
  if (!kProxyRange.contains(destination)) return admitted;
  switch (nat_.translate_outbound(packet, now)) {
    case nat::GatewayNat::Outbound::kTranslated:
      return admitted;
    case nat::GatewayNat::Outbound::kNoTranslation:
      return Unroutable::kNoTranslation;
    case nat::GatewayNat::Outbound::kUnsupportedProtocol:
      return Unroutable::kUnsupportedProtocol;
    case nat::GatewayNat::Outbound::kExhausted:
      return Unroutable::kNatExhausted;
  }
  return Unroutable::kNoTranslation;
}

// The order of spec tunnel 5.5.
Admission ClientOnGateway::admit_inbound(Timestamp now, const TunnelAddresses& own,
                                         IpPacket& packet) {
  if (own.contains(packet.source())) return Admitted{};
  if (is_expired(nat_.translate_inbound(packet, now, {}))) return Unroutable::kExpiredNatSession;
  if (kPeerRange.contains(packet.source())) return Unroutable::kSourceIsAPeer;
  expire(now);
  const auto verdict = access_.find(packet.source(), packet.source_protocol());
  if (verdict.decision != Access::Decision::kAllowed) return Unroutable::kNotAllowed;
  return Admitted{verdict.grant, verdict.domain};
}

// Errors pass the filters: they come from routers on the way (lesson 8e5ce66810).
std::variant<std::span<const uint8_t>, Unroutable> ClientOnGateway::admit_inbound_error(
    Timestamp now, const TunnelAddresses& own, IpPacket& error, std::span<uint8_t> out) {
  if (own.contains(error.source())) return error.bytes();
  if (kPeerRange.contains(error.source())) return Unroutable::kSourceIsAPeer;
  const auto translated = nat_.translate_inbound(error, now, out);
  if (is_expired(translated)) return Unroutable::kExpiredNatSession;
  if (const auto* packet = std::get_if<std::span<uint8_t>>(&translated)) return *packet;
  return error.bytes();
}

// --- Time.

void ClientOnGateway::handle_timeout(Timestamp now) {
  expire(now);
  nat_.handle_timeout(now);
}

Timestamp ClientOnGateway::next_deadline() const {
  return std::min({grants_.next_expiry(), nat_.poll_timeout().at, refreshes_.next_at()});
}

}  // namespace connlib::gateway
