#include "connlib/gateway/connection_request.h"

namespace connlib::gateway {
namespace {

constexpr std::string_view kRelayRealm = "firezone";  // spec portal-protocol 2.2

std::optional<snownet::ice::Credentials> credentials(const portal::IceCredentials& from) {
  return snownet::ice::Credentials::of(from.username, from.password.reveal());
}

}  // namespace

std::optional<snownet::node::ConnectionOptions> connection_options(
    const portal::CreateAuthorization& authorization) {
  const auto local = credentials(authorization.gateway_ice);
  const auto remote = credentials(authorization.client_ice);
  if (!local || !remote) return std::nullopt;
  return snownet::node::ConnectionOptions{
      .key = authorization.client.public_key,
      .psk = authorization.client.preshared_key.clone(),
      .local = *local,
      .remote = *remote,
      .role = snownet::ice::Role::kControlled,
      .active = snownet::ice::kServerDefaultTiming,
      .idle = snownet::ice::kServerIdleTiming,
  };
}

std::vector<snownet::node::RelayListing> relay_listings(
    std::span<const portal::RelayDescriptor> relays) {
  std::vector<snownet::node::RelayListing> out;
  out.reserve(relays.size());
  for (const portal::RelayDescriptor& relay : relays) {
    out.push_back({.id = relay.id,
                   .sockets = {.v4 = relay.v4, .v6 = relay.v6},
                   .username = relay.username,
                   .realm = std::string(kRelayRealm),
                   .password = std::string(relay.password.reveal())});
  }
  return out;
}

}  // namespace connlib::gateway
