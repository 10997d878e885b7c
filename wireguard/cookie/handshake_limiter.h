#pragma once

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"

namespace connlib::wireguard {

// HandshakeLimits bound asymmetric work and answers per second of running time (spec §7). A device
// grants them to initiations and to responses separately.
struct HandshakeLimits {
  uint32_t per_node = 100;   // Beyond it a valid mac2 is required.
  uint32_t per_source = 20;  // IPv4 /32, IPv6 /64; holds with a valid mac2 too.
  // Beyond it we stay silent. Departs from spec §7 (1000): a flood larger than this keeps real
  // peers from their cookie, and so out. A reply costs a few microseconds and never amplifies.
  uint32_t cookie_replies = 20000;
  size_t sources = 4096;  // Table bound; sources beyond it count as over their limit.
};

// HandshakeLimiter counts handshake messages whose mac1 is valid, in windows of one second that
// roll over when a message arrives: no timer.
class HandshakeLimiter {
 public:
  explicit HandshakeLimiter(HandshakeLimits limits) : limits_(limits) {}

  // count() says whether a message from `source` is within the node's and the source's limit. If
  // not, only a valid mac2 and count_proven() let it pass.
  bool count(Timestamp now, const IpAddress& source);

  // count_proven() counts a message whose mac2 proved `source`: still at most per_source. Proven
  // sources have a table of their own, which spoofed addresses cannot fill.
  bool count_proven(Timestamp now, const IpAddress& source);

  // take_cookie_reply() spends one of this second's cookie replies; false when none is left.
  bool take_cookie_reply(Timestamp now);

 private:
  using Counts = absl::flat_hash_map<IpAddress, uint32_t>;  // Lookup only; never iterated.

  void roll_window(Timestamp now);
  bool take(Counts& counts, const IpAddress& source) const;

  HandshakeLimits limits_;
  Timestamp window_start_;
  bool has_window_ = false;
  uint32_t in_window_ = 0;
  uint32_t replies_in_window_ = 0;
  Counts claimed_;  // By source address as the packet claims it.
  Counts proven_;   // By source address that a cookie proved.
};

}  // namespace connlib::wireguard
