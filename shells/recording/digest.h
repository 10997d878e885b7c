#pragma once

#include <cstdint>

#include "snownet/node/node_event.h"
#include "snownet/node/transmit_queue.h"

namespace connlib::recording {

// Digests of what a node gave (FNV-1a, 64 bits): enough to tell two runs apart, no proof of
// anything.
uint64_t digest(const snownet::node::Transmit& transmit);
uint64_t digest(const snownet::node::NodeEvent& event);

}  // namespace connlib::recording
