#pragma once

#include <map>
#include <optional>
#include <utility>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "tests/sim/datagram.h"
#include "tests/sim/dependence.h"

namespace connlib::sim {

// FirewallBehaviour is a stateful filter without translation (RFC 6092), for IPv6 and for public
// IPv4 addresses behind a router.
struct FirewallBehaviour {
  Dependence filtering = Dependence::kAddressAndPortDependent;
  Duration expiry = 120s;
  size_t max_flows = 4096;  // At the limit new flows are dropped.
};

// Firewall lets datagrams in whose way out it has seen. Only outbound refreshes.
class Firewall {
 public:
  explicit Firewall(FirewallBehaviour behaviour) : behaviour_(behaviour) {}

  // Both give the reason to drop, or nullopt.
  std::optional<DropReason> pass_outbound(Timestamp now, const SocketAddress& inner,
                                          const SocketAddress& remote) {
    const Flow flow{inner, relevant_part(behaviour_.filtering, remote)};
    if (!flows_.contains(flow) && flows_.size() >= behaviour_.max_flows) {
      std::erase_if(flows_, [&](const auto& entry) { return entry.second <= now; });
      if (flows_.size() >= behaviour_.max_flows) return DropReason::kNatTableFull;
    }
    flows_[flow] = now + behaviour_.expiry;
    return std::nullopt;
  }
  std::optional<DropReason> pass_inbound(Timestamp now, const SocketAddress& remote,
                                         const SocketAddress& inner) const {
    const auto flow = flows_.find({inner, relevant_part(behaviour_.filtering, remote)});
    if (flow == flows_.end() || flow->second <= now) return DropReason::kFiltered;
    return std::nullopt;
  }
  void reboot() { flows_.clear(); }

 private:
  using Flow = std::pair<SocketAddress, SocketAddress>;  // Inner, relevant part of the remote.
  FirewallBehaviour behaviour_;
  std::map<Flow, Timestamp> flows_;
};

}  // namespace connlib::sim
