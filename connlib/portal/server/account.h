#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/policy/directory.h"
#include "connlib/policy/zone.h"

namespace connlib::portal::server {

// DnsSettings are what every client of the account shall use; of the two lists at most one is
// filled (spec portal-protocol 2.1).
struct DnsSettings {
  std::vector<SocketAddress> upstream_do53{};  // Port 53.
  std::vector<std::string> upstream_doh{};
  std::optional<std::string> search_domain{};
  friend bool operator==(const DnsSettings&, const DnsSettings&) = default;
};

// Account is all that an operator administers and that peers are told about. It is a value: a
// change is another Account, and the portal tells everybody concerned what differs. Ids that peers
// see (of sites and resources) are UUIDs in lower case.
struct Account {
  std::string id{};
  std::string slug{};
  policy::Directory directory{};
  policy::Zones zones{};  // Of all that the directory's conditions name.
  DnsSettings dns{};
};

}  // namespace connlib::portal::server
