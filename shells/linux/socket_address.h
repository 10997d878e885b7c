#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "connlib/base/ip.h"

namespace connlib::shells {

// Conversions between our SocketAddress and the kernel's. to_native() returns the length used.
socklen_t to_native(const SocketAddress& address, sockaddr_storage& out);
SocketAddress from_native(const sockaddr_storage& address);

}  // namespace connlib::shells
