#pragma once

#include <string>

#include "connlib/model/ids.h"
#include "snownet/turn/relay_sockets.h"

namespace connlib::snownet::node {

// RelayListing is what a portal says about one relay; entries per family are merged by its reader.
struct RelayListing {
  RelayId id;
  turn::RelaySockets sockets;
  std::string username;
  std::string realm;
  std::string password;
};

}  // namespace connlib::snownet::node
