#pragma once

#include <optional>

#include "snownet/ice/candidate_pair.h"
#include "snownet/node/path_kind.h"
#include "snownet/node/relay_set.h"

namespace connlib::snownet::node {

// PeerSocket is a path in terms of what to send through: our own socket, or `relay` that serves the
// path's local address.
struct PeerSocket {
  ice::Path path;
  std::optional<RelaySerial> relay;
  PathKind kind = PathKind::kPeerToPeer;

  friend bool operator==(const PeerSocket& a, const PeerSocket& b) {
    return a.path == b.path && a.relay == b.relay;
  }
};

}  // namespace connlib::snownet::node
