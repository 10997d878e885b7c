#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "snownet/node/node_event.h"

namespace connlib::recording {

// kind_of() is what a datagram looks like, for people: "Binding request", "handshake initiation",
// "channel 0x4001: data".
std::string kind_of(std::span<const uint8_t> datagram);

// name_of() and to_text() are an event's name, and all of it. `peer_of()` is 0 for events that
// concern no peer.
std::string_view name_of(const snownet::node::NodeEvent& event);
std::string to_text(const snownet::node::NodeEvent& event);
uint64_t peer_of(const snownet::node::NodeEvent& event);

}  // namespace connlib::recording
