#pragma once

#include <cstdint>
#include <variant>

#include "connlib/base/ip.h"
#include "snownet/relay/family_set.h"
#include "snownet/stun/channel_data.h"

namespace connlib::snownet::relay {

// OpenPort: open a socket per family on this port, all or none, and report handle_port_opened() or
// handle_port_failed().
struct OpenPort {
  uint16_t port = 0;
  FamilySet families;
};
struct ClosePort {
  uint16_t port = 0;
};

// Binding is one entry of a data path that forwards on its own (in a kernel, say).
struct Binding {
  SocketAddress client;
  stun::ChannelNumber channel;
  SocketAddress peer;
  uint16_t port = 0;
  friend auto operator<=>(const Binding&, const Binding&) = default;
};
struct AddBinding {
  Binding binding;
};
struct RemoveBinding {
  Binding binding;
};

using Command = std::variant<OpenPort, ClosePort, AddBinding, RemoveBinding>;

}  // namespace connlib::snownet::relay
