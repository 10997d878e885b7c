#include "connlib/client/packet_fate.h"

namespace connlib::client {

std::string_view name(Fate fate) noexcept {
  static constexpr std::array<std::string_view, kFates> kNames = {
      "sent",
      "run mismatch",
      "waiting",
      "answered",
      "taken",
      "delivered",
      "malformed",
      "control from tun",
      "multicast",
      "not ready",
      "not tunnel source",
      "to self",
      "unmapped sentinel",
      "unsupported protocol",
      "unknown resource",
      "not connected",
      "too long",
      "not allowed resource",
      "spoofed",
      "untracked error",
      "no access",
      "unknown peer",
  };
  const auto at = static_cast<size_t>(fate);
  return at < kNames.size() ? kNames[at] : "unknown";
}

}  // namespace connlib::client
