#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "connlib/base/ip.h"

namespace connlib::dns {

// A server that speaks plain DNS on port 53, over UDP and TCP.
struct Do53Server {
  IpAddress ip;
  friend auto operator<=>(const Do53Server&, const Do53Server&) = default;
};

// A DNS-over-HTTPS server (RFC 8484); `url` is as the portal wrote it.
struct DohServer {
  std::string url;
  friend auto operator<=>(const DohServer&, const DohServer&) = default;
};

using Upstream = std::variant<Do53Server, DohServer>;

// Where the servers in use come from. Only those of the portal may be reached through the tunnel:
// the system's were learnt from the local network and belong there (spec tunnel 3.7).
enum class UpstreamOrigin : uint8_t { kPortalDo53, kPortalDoh, kSystem };

}  // namespace connlib::dns
