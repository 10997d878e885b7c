#pragma once

#include <optional>
#include <string>

#include "connlib/base/ip.h"

namespace connlib::portal::server {

// UpgradeOrigin is what a shell knows about an upgrade besides the request itself.
struct UpgradeOrigin {
  IpAddress source{};                   // Of the TCP connection, or what a trusted proxy says.
  std::optional<std::string> region{};  // Of that address, if anybody knows.
};

}  // namespace connlib::portal::server
