#pragma once

#include "connlib/base/timestamp.h"
#include "connlib/nat/session_key.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/routing/flow_key.h"

namespace connlib::nat {

// Besides the lifetimes of flows (RFC 5382, RFC 4787; spec tunnel 5.3):
inline constexpr Duration kUnconfirmedLifetime = 60s;  // No answer yet, since the last attempt.
inline constexpr Duration kClosedLinger = 5s;          // A FIN went both ways.
inline constexpr Duration kResetLinger = 1s;           // A RST went either way: one tick.

// TcpSigns is what a NAT reads in a TCP header; all false for everything else.
struct TcpSigns {
  bool opens = false;  // SYN without ACK.
  bool fin = false;
  bool rst = false;

  static TcpSigns of(const IpPacket& packet) noexcept {
    const auto tcp = packet.tcp();
    if (!tcp) return {};
    return {tcp->has_syn() && !tcp->has_ack(), tcp->has_fin(), tcp->has_rst()};
  }
};

// Session is how long a translation is kept: as long as its protocol allows since the last packet
// either way, and shorter while nobody has answered, and once the connection is over.
class Session {
 public:
  Session() = default;
  Session(const SessionKey& outside, Timestamp now)
      : outside_(outside), last_packet_(now), last_outgoing_(now) {}

  const SessionKey& outside() const { return outside_; }
  Timestamp expires_at() const;
  bool is_expired(Timestamp now) const { return expires_at() <= now; }

  // Both say whether the end may have moved closer.
  bool handle_outgoing(const TcpSigns& signs, Timestamp now);
  bool handle_incoming(const TcpSigns& signs, Timestamp now);

 private:
  bool is_over() const { return was_reset_ || (has_fin_out_ && has_fin_in_); }

  SessionKey outside_;
  Timestamp last_packet_{};
  Timestamp last_outgoing_{};
  Timestamp reset_at_{};
  bool is_confirmed_ = false;
  bool has_fin_out_ = false;
  bool has_fin_in_ = false;
  bool was_reset_ = false;
};

}  // namespace connlib::nat
