#include "snownet/node/path_kind.h"

namespace connlib::snownet::node {

std::string_view name(PathKind kind) noexcept {
  switch (kind) {
    case PathKind::kPeerToPeer:
      return "peer to peer";
    case PathKind::kPeerToRelay:
      return "peer to relay";
    case PathKind::kRelayToPeer:
      return "relay to peer";
    case PathKind::kRelayToRelay:
      return "relay to relay";
    case PathKind::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::snownet::node
