#include "snownet/ice/ice_state.h"

namespace connlib::snownet::ice {

const char* name(IceState state) noexcept {
  switch (state) {
    case IceState::kNew:
      return "new";
    case IceState::kChecking:
      return "checking";
    case IceState::kConnected:
      return "connected";
    case IceState::kCompleted:
      return "completed";
    case IceState::kDisconnected:
      return "disconnected";
  }
  return "unknown";
}

}  // namespace connlib::snownet::ice
