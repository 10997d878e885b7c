#pragma once

#include <cstdint>
#include <vector>

#include "connlib/base/ip.h"

namespace connlib::snownet::relay {

// AddressScope is what kind of network an address leads to.
enum class AddressScope : uint8_t {
  kPublic,
  kPrivate,    // Private, shared, documentation, benchmarking and reserved networks.
  kForbidden,  // This host, this link, many hosts at once, or none.
};

// scope_of() judges `ip`. IPv6 forms that carry an IPv4 address (NAT64, 6to4) are as good as that
// address; IPv4-mapped and -compatible ones are never put on a wire and forbidden.
AddressScope scope_of(const IpAddress& ip) noexcept;

struct PeerPolicyOptions {
  bool allows_private_peers = false;
  // Addresses of this host. Whoever may send to them from a relay's own socket is inside its
  // firewall: they are refused whatever their scope.
  std::vector<IpAddress> own_addresses;
};

// PeerPolicy says whom a client may reach through the relay. Without it valid credentials would
// open the relay's own loopback, link and private networks to their holder.
class PeerPolicy {
 public:
  explicit PeerPolicy(PeerPolicyOptions options);

  bool is_own(const IpAddress& ip) const noexcept;

  // allows() judges every peer but a relayed address of our own, which only the allocation table
  // knows.
  bool allows(const SocketAddress& peer) const noexcept;

 private:
  PeerPolicyOptions options_;
};

}  // namespace connlib::snownet::relay
