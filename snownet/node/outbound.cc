#include "snownet/node/outbound.h"

namespace connlib::snownet::node {

std::string_view name(SendFailure failure) noexcept {
  switch (failure) {
    case SendFailure::kStillConnecting:
      return "still connecting";
    case SendFailure::kUnknownPeer:
      return "unknown peer";
    case SendFailure::kRecentlyDisconnected:
      return "recently disconnected";
    case SendFailure::kFailed:
      return "failed";
    case SendFailure::kNoSession:
      return "no session";
    case SendFailure::kNoChannel:
      return "no channel";
    case SendFailure::kTooLarge:
      return "too large";
    case SendFailure::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::snownet::node
