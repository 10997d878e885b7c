// Peers: how they come, and what goes with them.
#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/base/ip.h"
#include "connlib/client/client_state.h"
#include "connlib/client/introduction.h"

namespace connlib::client {

using snownet::node::PeerId;
using snownet::node::Upserted;

// Null when there is no connection; then nothing else has changed.
Peer* ClientState::connect(Timestamp now, Introduction introduction) {
  const auto id = peers_.id_of(introduction.name);
  if (!id) return nullptr;
  const PublicKey key = introduction.connection.key;
  const Upserted outcome = node_.upsert_connection(now, *id, std::move(introduction.connection));
  if (outcome == Upserted::kNoRelays) {
    // A gateway is asked for again once relays answer; a device only after a fresh init.
    if (std::holds_alternative<GatewaySide>(introduction.side)) {
      push_event(portal::FromClient(portal::NoRelays{}));
    } else {
      push_event(ReconnectPortal{public_key()});
    }
    return nullptr;
  }
  if (is_refusal(outcome)) {
    tracer_.trace(TraceLevel::kDebug, "client", "connection refused",
                  {{"peer", to_text(introduction.name)}});
    return nullptr;
  }

  are_views_stale_ = true;
  Peer* known = peers_.find(introduction.name);
  if (known != nullptr && known->key == key && known->addresses == introduction.addresses) {
    known->is_connected = node_.is_connected(*id);
    return known;
  }
  // With other addresses, or another key, it is somebody who knows nothing of what we agreed upon.
  if (known != nullptr) lose(introduction.name);
  return &peers_.add({.id = *id,
                      .name = std::move(introduction.name),
                      .key = key,
                      .addresses = introduction.addresses,
                      .is_connected = node_.is_connected(*id),
                      .side = std::move(introduction.side)});
}

// What a gateway may send to us from (spec tunnel 2.6). The proxies of a DNS resource follow with
// its names.
void ClientState::allow_sources(Peer& peer, const Resource& resource) {
  GatewaySide* side = peer.gateway();
  if (side == nullptr) return;
  if (const auto* cidr = std::get_if<CidrAddress>(&resource.address)) {
    side->sources.allow(resource.id, cidr->network);
  } else if (std::holds_alternative<InternetAddress>(resource.address)) {
    side->sources.allow(resource.id, IpPrefix());
    side->sources.allow(resource.id, IpPrefix::of(Ipv6Address{}, 0).value_or(IpPrefix()));
  }
}

// Says goodbye, where there is somebody to hear it.
void ClientState::close(Timestamp now, const PeerName& name) {
  const Peer* peer = peers_.find(name);
  if (peer == nullptr) return;
  node_.close_connection(now, peer->id);
  lose(name);
}

// Everything that a connection carried ends with it, and nothing reconnects: the next packet asks
// again (spec tunnel 2.7).
void ClientState::lose(const PeerName& name) {
  are_views_stale_ = true;
  connecting_.drop(name);
  candidates_.forget(name);
  Peer* peer = peers_.find(name);
  if (peer == nullptr) return;
  if (const GatewaySide* side = peer->gateway()) {
    const SiteId site = side->site;
    peers_.remove(name);
    authorizations_.lose_gateway(std::get<GatewayId>(name));
    nat_.remove_gateway(std::get<GatewayId>(name));
    held_.drop(std::get<GatewayId>(name));
    if (!peers_.has_connected_gateway(site)) sites_.handle_connection_lost(site);
  } else {
    peers_.remove(name);
    authorizations_.lose_client(std::get<ClientId>(name));
  }
}

void ClientState::drain_node(Timestamp now) {
  using namespace snownet::node;
  while (const auto event = node_.poll_event()) {
    if (const auto* added = std::get_if<CandidateAdded>(&*event)) {
      if (const Peer* peer = peers_.find(added->peer)) {
        candidates_.add(peer->name, added->line, added->priority);
      }
    } else if (const auto* removed = std::get_if<CandidateRemoved>(&*event)) {
      if (const Peer* peer = peers_.find(removed->peer)) {
        candidates_.remove(peer->name, removed->line);
      }
    } else if (const auto* established = std::get_if<Established>(&*event)) {
      handle_established(now, established->peer);
    } else if (const auto* failed = std::get_if<Failed>(&*event)) {
      if (const Peer* peer = peers_.find(failed->peer)) lose(PeerName(peer->name));
    } else if (const auto* closed = std::get_if<Closed>(&*event)) {
      if (const Peer* peer = peers_.find(closed->peer)) lose(PeerName(peer->name));
    } else if (std::holds_alternative<NoRelays>(*event)) {
      push_event(portal::FromClient(portal::NoRelays{}));
    } else if (const auto* changed = std::get_if<KeyChanged>(&*event)) {
      push_event(ReconnectPortal{changed->key});
    }
  }
}

void ClientState::handle_established(Timestamp now, PeerId id) {
  Peer* peer = peers_.find(id);
  if (peer == nullptr) return;
  peer->is_connected = true;
  are_views_stale_ = true;
  if (const GatewaySide* side = peer->gateway()) sites_.handle_connected(side->site);
  ConnectingBuffers::Waiting waiting = connecting_.take(peer->name);
  for (const auto& packet : waiting.for_peer) send_own(now, *peer, packet);
  // Routed again: the policy may have changed meanwhile (lesson 991a334715).
  for (auto& packet : waiting.routed) replay(now, packet);
}

void ClientState::take_candidates(Timestamp now, const PeerName& name,
                                  portal::CandidateChange change,
                                  std::span<const portal::CandidateLine> lines) {
  const auto id = peers_.id_of(name);
  if (!id) return;
  for (const portal::CandidateLine& line : lines) {
    if (change == portal::CandidateChange::kAdded) {
      node_.add_remote_candidate(now, *id, line.text());
    } else {
      node_.remove_remote_candidate(now, *id, line.text());
    }
  }
}

// What waited for a grant is routed as if it came now.
void ClientState::release(Timestamp now, const ResourceId& resource,
                          PendingAuthorizations::Waiting waiting) {
  const GatewayId* gateway = authorizations_.gateway_of(resource);
  const Peer* peer = gateway == nullptr ? nullptr : peers_.find(*gateway);
  for (const dns::QueryId query : waiting.queries) {
    if (peer == nullptr) {
      names_.fail(now, query);
    } else {
      names_.forward_to_gateway(now, query, peer->addresses.ipv4, peer->addresses.ipv6);
    }
  }
  for (auto& packet : waiting.packets) replay(now, packet);
}

}  // namespace connlib::client
