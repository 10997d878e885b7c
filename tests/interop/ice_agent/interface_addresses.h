#pragma once

#include <vector>

#include "connlib/base/ip.h"

namespace connlib::interop {

// interface_addresses() are the host's own addresses, without loopback and link-local ones.
std::vector<IpAddress> interface_addresses();

}  // namespace connlib::interop
