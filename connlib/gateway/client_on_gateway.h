#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "connlib/dns/name.h"
#include "connlib/gateway/access.h"
#include "connlib/gateway/grants.h"
#include "connlib/gateway/limits.h"
#include "connlib/gateway/refreshes.h"
#include "connlib/gateway/resolutions.h"
#include "connlib/gateway/tunnel_addresses.h"
#include "connlib/gateway/unroutable.h"
#include "connlib/model/ids.h"
#include "connlib/nat/gateway_nat.h"
#include "connlib/packet/ip_packet.h"
#include "snownet/node/peer_id.h"

namespace connlib::gateway {

// Admitted says under which grant a packet passes, and by which name; neither for what is the
// gateway's own. Borrowed until the client changes.
struct Admitted {
  const Grant* grant = nullptr;
  const dns::Name* domain = nullptr;
};
using Admission = std::variant<Admitted, Unroutable>;

// ClientOnGateway is everything that one client may do here: its grants, what they lead to, and the
// translation of its proxies (spec tunnel 5, 6). It says of each packet whether and as what it may
// pass; connections are none of its business.
//
// Grants end in time even when handle_timeout() comes late: whoever asks about a packet gives
// `now`.
class ClientOnGateway {
 public:
  ClientOnGateway(snownet::node::PeerId peer, ClientId id, const TunnelAddresses& addresses,
                  Timestamp now);

  snownet::node::PeerId peer() const { return peer_; }
  const ClientId& id() const { return id_; }
  const TunnelAddresses& addresses() const { return addresses_; }
  const Grants& grants() const { return grants_; }
  bool has_grants() const { return !grants_.empty(); }

  // --- What the portal says.
  Grants::Added grant(Grant grant);
  Grants::Updated update_filters(const Resource& resource);
  void revoke(const ResourceId& resource);
  void retain(const std::map<ResourceId, Timestamp>& listed);

  // --- Names.
  // may_resolve(): whether the name lies in a resource that this client may reach. A gateway is
  // nobody's resolver for other names.
  bool may_resolve(Timestamp now, const ResolutionWaiter& waiter);
  // install() lets the waiter's proxies lead to `addresses`, as far as names may lead there. False
  // when the resource is not, or no longer, granted, or there are too many proxies.
  bool install(Timestamp now, const ResolutionWaiter& waiter, std::span<const IpAddress> addresses,
               std::optional<Duration> ttl = std::nullopt);
  // take_refreshes() is which names to resolve again: their TTL has passed, and sessions use them.
  std::vector<ResolutionWaiter> take_refreshes(Timestamp now);

  // --- Packets. `own` are the gateway's tunnel addresses.
  // admit_outbound() judges a packet of the client, and makes of it what the TUN gets. Otherwise
  // the packet is as it came and the answer says why it does not pass.
  Admission admit_outbound(Timestamp now, const TunnelAddresses& own, IpPacket& packet);
  // admit_inbound() is the same for a packet to the client that is no ICMP error.
  Admission admit_inbound(Timestamp now, const TunnelAddresses& own, IpPacket& packet);
  // admit_inbound_error() takes ICMP errors. What the client gets is `error` itself, or lies in
  // `out` when the error is about a packet that we translated; then `error` is of no use any more.
  std::variant<std::span<const uint8_t>, Unroutable> admit_inbound_error(Timestamp now,
                                                                         const TunnelAddresses& own,
                                                                         IpPacket& error,
                                                                         std::span<uint8_t> out);

  // --- Time.
  void handle_timeout(Timestamp now);
  Timestamp next_deadline() const;

 private:
  // expire() ends grants whose time has come; cheap when there are none.
  void expire(Timestamp now);

  snownet::node::PeerId peer_;
  ClientId id_;
  TunnelAddresses addresses_;
  Grants grants_{kMaxGrantsPerClient};
  Access access_{grants_, kMaxProxiesPerClient};
  nat::GatewayNat nat_;
  Refreshes refreshes_{kMaxRefreshedNames};
};

}  // namespace connlib::gateway
