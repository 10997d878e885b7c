#pragma once

#include <cstdint>

#include "connlib/base/strong.h"

namespace connlib::snownet::node {

// PeerId names the other end of a connection. The caller chooses it; no two peers have the same.
using PeerId = Strong<struct NodePeerIdTag, uint64_t>;

}  // namespace connlib::snownet::node
