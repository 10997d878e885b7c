#include "shells/relay/announced_address.h"

#include <string>

#include <fmt/format.h>

#include "snownet/relay/peer_policy.h"

namespace connlib::relay {
namespace {

using snownet::relay::AddressScope;
using snownet::relay::scope_of;

bool is_usable(const IpAddress& address, bool allows_private) {
  switch (scope_of(address)) {
    case AddressScope::kPublic:
      return true;
    case AddressScope::kPrivate:
      return allows_private;
    case AddressScope::kForbidden:
      return false;
  }
  return false;
}

template <typename... Args>
absl::Status failure(fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(fmt::format(format, std::forward<Args>(args)...));
}

absl::Status nobody_answered(std::span<const Observation> observations) {
  std::string servers;
  for (const Observation& one : observations) {
    const std::string text = to_text(one.server);
    if (servers.find(text) != std::string::npos) continue;
    servers += (servers.empty() ? "" : ", ") + text;
  }
  return failure("no STUN server answered: {}", servers);
}

}  // namespace

absl::StatusOr<IpAddress> announced_address(std::span<const Observation> observations,
                                            bool allows_private) {
  const Observation* first = nullptr;
  for (const Observation& one : observations) {
    if (!one.mapped) continue;
    if (first == nullptr) first = &one;
    if (one.mapped->ip != first->mapped->ip) {
      return failure("{} sees this host as {}, and {} as {}: clients can be told only one",
                     to_text(first->server), to_text(first->mapped->ip), to_text(one.server),
                     to_text(one.mapped->ip));
    }
    // Clients send to the port that we know, and peers expect data from the one that we announced.
    if (one.mapped->port != one.port) {
      return failure(
          "port {} of this host is port {} to {}: the NAT in front must map the ports of the relay "
          "one to one",
          one.port, one.mapped->port, to_text(one.server));
    }
  }
  if (first == nullptr) return nobody_answered(observations);
  if (!is_usable(first->mapped->ip, allows_private)) {
    return failure("{} sees this host as {}, which is not a public address", to_text(first->server),
                   to_text(first->mapped->ip));
  }
  return first->mapped->ip;
}

absl::StatusOr<IpAddress> host_address(const IpAddress& address, bool allows_private) {
  if (is_usable(address, allows_private)) return address;
  return failure(
      "the address of this host is {}, which is not public: behind a NAT, name a "
      "--stun-server that can be asked",
      to_text(address));
}

}  // namespace connlib::relay
