#pragma once

#include "connlib/model/public_key.h"
#include "snownet/ice/credentials.h"
#include "snownet/ice/role.h"
#include "snownet/ice/timing.h"
#include "wireguard/crypto/dh.h"

namespace connlib::snownet::node {

// ConnectionOptions is what a portal tells both ends of one connection. Role and timings are per
// connection: a node is neither client nor gateway.
struct ConnectionOptions {
  PublicKey key;
  wireguard::PresharedKey psk;
  ice::Credentials local;
  ice::Credentials remote;
  ice::Role role = ice::Role::kControlling;
  ice::Timing active = ice::kClientDefaultTiming;
  ice::Timing idle = ice::kClientIdleTiming;
};

}  // namespace connlib::snownet::node
