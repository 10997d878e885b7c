#include "snownet/node/inbound.h"

namespace connlib::snownet::node {

std::string_view name(Drop drop) noexcept {
  switch (drop) {
    case Drop::kRefusedByAllocation:
      return "refused by allocation";
    case Drop::kFromFormerRelay:
      return "from former relay";
    case Drop::kUnknownCheck:
      return "unknown check";
    case Drop::kRefusedCheck:
      return "refused check";
    case Drop::kNotWireguard:
      return "not WireGuard";
    case Drop::kUnknownSession:
      return "unknown session";
    case Drop::kRecentlyDisconnected:
      return "recently disconnected";
    case Drop::kRefusedMessage:
      return "refused message";
    case Drop::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::snownet::node
