#pragma once

#include <cstdint>

namespace connlib::snownet::node {

// ConnectionRef names a connection that may be gone by now: its slot may have another tenant, and
// then the serial differs.
struct ConnectionRef {
  uint32_t slot = 0;
  uint64_t serial = 0;
};

}  // namespace connlib::snownet::node
