#pragma once

#include <vector>

#include <absl/status/statusor.h>

#include "connlib/base/trace.h"
#include "shells/relay/address_probe.h"

namespace connlib::relay {

struct PublicAddressOptions {
  AddressProbeOptions probe;
  std::vector<SocketAddress> servers;  // Of the probe's family; empty: the address of the host.
  bool allows_private = false;         // A private address will do.
};

// find_public_address() is `auto`: what the servers see, or else what the host has, tested. It
// waits a few seconds at most. FailedPrecondition says why there is none; AlreadyExists that the
// listening port is taken.
absl::StatusOr<IpAddress> find_public_address(const PublicAddressOptions& options, Tracer& tracer);

}  // namespace connlib::relay
