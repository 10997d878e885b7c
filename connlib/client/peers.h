#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"
#include "connlib/client/allowed_sources.h"
#include "connlib/client/inbound_access.h"
#include "connlib/client/limits.h"
#include "connlib/client/peer_name.h"
#include "connlib/model/ids.h"
#include "connlib/model/public_key.h"
#include "connlib/model/tunnel_addresses.h"
#include "connlib/routing/connection_tracker.h"
#include "snownet/node/peer_id.h"

namespace connlib::client {

// What we know of a gateway or a client besides that it serves us.
struct GatewaySide {
  SiteId site;
  AllowedSources sources{kMaxAllowedSources};
};
struct ClientSide {
  ClientSide(std::string name, Timestamp now) : device_name(std::move(name)), flows(now) {}
  std::string device_name;
  InboundAccess access{kMaxInboundGrants};
  routing::ConnectionTracker flows;
};

// Peer is one connection as the tunnel sees it: who is there, and what packets it may send.
struct Peer {
  snownet::node::PeerId id;
  PeerName name;
  PublicKey key;
  TunnelAddresses addresses;
  bool is_connected = false;
  std::variant<GatewaySide, ClientSide> side;

  GatewaySide* gateway() { return std::get_if<GatewaySide>(&side); }
  ClientSide* client() { return std::get_if<ClientSide>(&side); }
  const ClientSide* client() const { return std::get_if<ClientSide>(&side); }
  bool is_gateway() const { return std::holds_alternative<GatewaySide>(side); }
};

// Peers holds the peers we have or make a connection to, and finds them by what packets and
// messages know: the node's number, the portal's id, a tunnel address. It alone hands out numbers;
// a name keeps its number, because candidates may come before the peer and after it.
//
// Two peers that claim one tunnel address: the later one has it, and the earlier keeps the rest.
class Peers {
 public:
  explicit Peers(size_t max_names) : max_names_(max_names) {}

  // id_of() is the number of `name`. When too many names have one, the oldest name without a peer
  // loses it; nullopt when all of them are peers.
  std::optional<snownet::node::PeerId> id_of(const PeerName& name);

  // add() takes a peer whose number id_of() gave, in place of one with the same name.
  Peer& add(Peer peer);
  void remove(const PeerName& name);

  Peer* find(const PeerName& name);
  Peer* find(const GatewayId& gateway);  // Allocates nothing.
  Peer* find(snownet::node::PeerId id);
  Peer* find_at(const IpAddress& tunnel_address);
  bool is_connected(const GatewayId& gateway) const;
  bool has_connected_gateway(const SiteId& site) const;

  // By name: gateways first.
  using ByName = std::map<PeerName, std::unique_ptr<Peer>, PeerNameLess>;
  const ByName& all() const { return by_name_; }
  size_t size() const { return by_name_.size(); }
  uint64_t version() const { return version_; }  // Counts who came and who left.

 private:
  size_t max_names_;
  uint64_t last_id_ = 0;
  uint64_t version_ = 0;
  std::map<PeerName, snownet::node::PeerId> ids_;
  std::deque<PeerName> id_age_;  // The oldest first.
  ByName by_name_;
  absl::flat_hash_map<uint64_t, Peer*> by_id_;        // Lookup only.
  absl::flat_hash_map<IpAddress, Peer*> by_address_;  // Lookup only.
};

}  // namespace connlib::client
