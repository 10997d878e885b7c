#pragma once

#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include "connlib/base/ip.h"
#include "connlib/dns/name.h"
#include "connlib/gateway/grants.h"
#include "connlib/packet/protocol.h"
#include "connlib/routing/prefix_table.h"

namespace connlib::gateway {

// Access says which of one client's grants covers a packet (spec tunnel 6.3). Asked for every
// packet, in both directions, it allocates nothing.
//
// Addresses of the proxy range lead to DNS resources only, whatever networks were granted: a
// network that covers them would let packets through to names whose own filters forbid them. Below
// that, whoever holds the Internet resource reaches everything through it and nothing of the
// networks, since the portal never mixes them on one gateway.
//
// Of several grants that cover an address the first of these decides: its filters permit the
// packet, the more specific pattern, the longer network, the higher id.
//
// It points into the Grants given at construction, which must outlive it: after any change of them,
// rebuild().
class Access {
 public:
  Access(const Grants& grants, size_t max_proxies) : grants_(grants), max_proxies_(max_proxies) {}
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // rebuild() takes the grants as they are. Proxies remember resources that are gone: when they are
  // granted again, under a pattern that matches as before, clients do not assign anew.
  void rebuild();

  // assign() adds a resource to those that `proxy` stands for under the name `domain`; there may be
  // several, when a domain is in several resources. Another domain takes the proxy over. False, and
  // nothing changed, when there are too many proxies.
  bool assign(const IpAddress& proxy, const dns::Name& domain, const ResourceId& resource);
  void clear_proxies() { proxies_.clear(); }

  enum class Decision : uint8_t {
    kAllowed,
    kNotAllowed,
    kNotInternet,  // Not allowed, and the limits of the Internet resource are why.
  };
  struct Verdict {
    Decision decision = Decision::kNotAllowed;
    // What allowed it, and by which name. Good until the grants or proxies change.
    const Grant* grant = nullptr;
    const dns::Name* domain = nullptr;
  };
  // find() judges the resource's end of a packet, address and protocol: the destination on the way
  // there, the source on the way back.
  Verdict find(const IpAddress& address, const ClassifiedProtocol& protocol) const noexcept;

  size_t proxy_count() const { return proxies_.size(); }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  // The grants of one network, the preferred ones first, and the next larger network.
  struct Network {
    std::vector<const Grant*> grants{};
    uint32_t parent = kNone;
  };
  struct Proxy {
    dns::Name domain;  // In lower case.
    absl::InlinedVector<ResourceId, 1> resources;
    absl::InlinedVector<const Grant*, 1> grants;  // Those of them that are granted.
  };

  void link(Proxy& proxy) const;
  Verdict find_proxy(const IpAddress& address, const ClassifiedProtocol& protocol) const noexcept;
  Verdict find_network(const IpAddress& address, const ClassifiedProtocol& protocol) const noexcept;

  const Grants& grants_;
  size_t max_proxies_;
  const Grant* internet_ = nullptr;
  routing::PrefixTable<uint32_t> table_;  // Of indices into networks_.
  std::vector<Network> networks_;
  absl::flat_hash_map<IpAddress, Proxy> proxies_;  // Nothing comes out in its order.
};

}  // namespace connlib::gateway
