#pragma once

#include <compare>
#include <cstdint>
#include <utility>

#include "connlib/base/ip.h"
#include "connlib/packet/protocol.h"

namespace connlib::nat {

// SessionKey is one side of a NAT session: of the inside, the client's source port and the proxy
// address with its port; of the outside, the port that resources see and the real address with its
// port. The client's own address is in neither: there is a table per client.
//
// The resource's port is part of the key, so that the end of a connection to one port does not end
// another that shares the source port. An echo has one identifier: `value`, and no resource port.
struct SessionKey {
  IpAddress resource_ip;
  Protocol::Kind kind = Protocol::Kind::kTcp;
  uint16_t value = 0;
  uint16_t resource_port = 0;

  // of() takes both ends of a packet as the client sends it; for a packet back, swap them.
  static SessionKey of(Protocol client_end, Protocol resource_end, const IpAddress& resource_ip) {
    const bool is_echo = client_end.kind == Protocol::Kind::kIcmpEcho;
    return {resource_ip, client_end.kind, client_end.value,
            is_echo ? uint16_t{0} : resource_end.value};
  }
  Protocol client_end() const { return {kind, value}; }

  friend bool operator==(const SessionKey&, const SessionKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SessionKey& key) {
    const uint64_t ends = uint64_t{key.value} << 32 | uint64_t{key.resource_port} << 8 |
                          static_cast<uint64_t>(key.kind);
    return H::combine(std::move(h), key.resource_ip, ends);
  }
};

}  // namespace connlib::nat
