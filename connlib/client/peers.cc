#include "connlib/client/peers.h"

#include <algorithm>
#include <utility>

#include "connlib/base/check.h"

namespace connlib::client {

using snownet::node::PeerId;

std::optional<PeerId> Peers::id_of(const PeerName& name) {
  if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
  if (ids_.size() >= max_names_) {
    const auto idle = std::find_if(id_age_.begin(), id_age_.end(),
                                   [&](const PeerName& n) { return !by_name_.contains(n); });
    if (idle == id_age_.end()) return std::nullopt;
    ids_.erase(*idle);
    id_age_.erase(idle);
  }
  const PeerId id(++last_id_);
  ids_.emplace(name, id);
  id_age_.push_back(name);
  return id;
}

Peer& Peers::add(Peer peer) {
  const auto id = ids_.find(peer.name);
  CONNLIB_CHECK(id != ids_.end() && id->second == peer.id);
  remove(peer.name);
  ++version_;
  auto owned = std::make_unique<Peer>(std::move(peer));
  Peer* added = owned.get();
  by_name_.emplace(added->name, std::move(owned));
  by_id_.insert_or_assign(added->id.value(), added);
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    by_address_.insert_or_assign(added->addresses.of(family), added);
  }
  return *added;
}

void Peers::remove(const PeerName& name) {
  const auto node = by_name_.extract(name);
  if (node.empty()) return;
  ++version_;
  const Peer* peer = node.mapped().get();
  by_id_.erase(peer->id.value());
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const auto at = by_address_.find(peer->addresses.of(family));
    if (at != by_address_.end() && at->second == peer) by_address_.erase(at);
  }
}

Peer* Peers::find(const PeerName& name) {
  const auto peer = by_name_.find(name);
  return peer == by_name_.end() ? nullptr : peer->second.get();
}

Peer* Peers::find(const GatewayId& gateway) {
  const auto peer = by_name_.find(gateway);
  return peer == by_name_.end() ? nullptr : peer->second.get();
}

Peer* Peers::find(PeerId id) {
  const auto peer = by_id_.find(id.value());
  return peer == by_id_.end() ? nullptr : peer->second;
}

Peer* Peers::find_at(const IpAddress& tunnel_address) {
  const auto peer = by_address_.find(tunnel_address);
  return peer == by_address_.end() ? nullptr : peer->second;
}

bool Peers::is_connected(const GatewayId& gateway) const {
  const auto peer = by_name_.find(gateway);
  return peer != by_name_.end() && peer->second->is_connected;
}

bool Peers::has_connected_gateway(const SiteId& site) const {
  return std::any_of(by_name_.begin(), by_name_.end(), [&](const auto& entry) {
    const auto* gateway = std::get_if<GatewaySide>(&entry.second->side);
    return gateway != nullptr && entry.second->is_connected && gateway->site == site;
  });
}

}  // namespace connlib::client
