#include "snownet/node/node_event.h"

namespace connlib::snownet::node {

std::string_view name(FailureReason reason) noexcept {
  switch (reason) {
    case FailureReason::kNoCandidates:
      return "no candidates";
    case FailureReason::kNoPath:
      return "no path";
    case FailureReason::kNoHandshake:
      return "no handshake";
  }
  return "unknown";
}

}  // namespace connlib::snownet::node
