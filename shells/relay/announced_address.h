#pragma once

#include <optional>
#include <span>

#include <absl/status/statusor.h>

#include "connlib/base/ip.h"

namespace connlib::relay {

// Observation is how one STUN server sees one of our sockets.
struct Observation {
  SocketAddress server;
  uint16_t port = 0;                    // Of our socket.
  std::optional<SocketAddress> mapped;  // Absent: no answer.
};

// announced_address() is the address that all who answered see, if it serves as one that clients
// are told. FailedPrecondition says in words for operators why it does not: nobody answered, they
// see several, our ports do not arrive under their own numbers, or it is not public (private is
// enough with `allows_private`).
absl::StatusOr<IpAddress> announced_address(std::span<const Observation> observations,
                                            bool allows_private);

// host_address() judges `address`, one of this host's, in the same way.
absl::StatusOr<IpAddress> host_address(const IpAddress& address, bool allows_private);

}  // namespace connlib::relay
