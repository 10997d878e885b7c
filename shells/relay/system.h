#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <absl/status/status.h>

#include "connlib/base/ip.h"

namespace connlib::relay {

// interface_addresses() lists the addresses of this host.
std::vector<IpAddress> interface_addresses();

// default_source() is the address from which this host would talk to the Internet; nullopt without
// a route. Nothing is sent.
std::optional<IpAddress> default_source(IpFamily family);

// raise_file_limit() makes room for `files` open files; it names both limits when there is none.
absl::Status raise_file_limit(uint64_t files);

}  // namespace connlib::relay
