#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace connlib::portal {

// PortalUrl is where the portal is, from the configuration (spec portal-protocol 1.1):
// ws, wss, http or https; the port written, else 443 whatever the scheme; a path becomes a prefix;
// a query is ignored.
struct PortalUrl {
  bool is_secure = true;
  std::string host;  // Without the brackets of an IPv6 literal.
  uint16_t port = 443;
  std::string path_prefix;  // "" or "/a/b", never ending in "/".

  static absl::StatusOr<PortalUrl> parse(std::string_view url);
  friend bool operator==(const PortalUrl&, const PortalUrl&) = default;
};

}  // namespace connlib::portal
