#include "wireguard/tunnel/tunnel_timer.h"

namespace connlib::wireguard {

const char* timer_name(TunnelTimer timer) {
  switch (timer) {
    case TunnelTimer::kScheduledHandshake:
      return "send scheduled initiation";
    case TunnelTimer::kSessionExpiry:
      return "wipe expired session";
    case TunnelTimer::kCookieExpiry:
      return "drop stale cookie";
    case TunnelTimer::kKeyWipe:
      return "wipe all keys";
    case TunnelTimer::kAttemptOver:
      return "give up handshake";
    case TunnelTimer::kRetransmit:
      return "retransmit initiation";
    case TunnelTimer::kRekeyByAge:
      return "renew session after sending";
    case TunnelTimer::kRekeyNearExpiry:
      return "renew session after receiving";
    case TunnelTimer::kUnanswered:
      return "renew session without answers";
    case TunnelTimer::kPassiveKeepalive:
      return "send passive keepalive";
    case TunnelTimer::kPersistentKeepalive:
      return "send persistent keepalive";
    case TunnelTimer::kCount:
      break;
  }
  return "unknown";
}

}  // namespace connlib::wireguard
