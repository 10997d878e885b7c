#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "connlib/portal/to_gateway.h"
#include "snownet/node/connection_options.h"
#include "snownet/node/relay_listing.h"

namespace connlib::gateway {

// connection_options() is what an authorization means for the connection: we are controlled, with
// the patience of a server (spec tunnel 6.1). nullopt when its credentials are no credentials.
std::optional<snownet::node::ConnectionOptions> connection_options(
    const portal::CreateAuthorization& authorization);

// relay_listings() is what a node needs to know of the portal's relays.
std::vector<snownet::node::RelayListing> relay_listings(
    std::span<const portal::RelayDescriptor> relays);

}  // namespace connlib::gateway
