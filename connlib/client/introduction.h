#pragma once

#include "connlib/client/peers.h"
#include "snownet/node/connection_options.h"

namespace connlib::client {

// Introduction is what the portal tells about a peer when it lets us connect.
struct Introduction {
  PeerName name;
  TunnelAddresses addresses;
  std::variant<GatewaySide, ClientSide> side;
  snownet::node::ConnectionOptions connection;
};

}  // namespace connlib::client
