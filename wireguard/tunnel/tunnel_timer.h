#pragma once

#include <cstdint>

namespace connlib::wireguard {

// TunnelTimer names the deadlines of one tunnel (spec §12). Of those that are due at once, the
// lower enumerator runs first.
enum class TunnelTimer : uint8_t {
  kScheduledHandshake,
  kKeyWipe,  // Before session expiry: after a very late call there is nothing left to renew.
  kSessionExpiry,
  kCookieExpiry,
  kAttemptOver,
  kRetransmit,
  kRekeyByAge,
  kRekeyNearExpiry,
  kUnanswered,
  kPassiveKeepalive,
  kPersistentKeepalive,
  kCount,
};
const char* timer_name(TunnelTimer timer);

}  // namespace connlib::wireguard
