#include "connlib/nat/session.h"

#include <algorithm>

namespace connlib::nat {

Timestamp Session::expires_at() const {
  Timestamp at = last_packet_ + routing::flow_lifetime(outside_.kind);
  if (!is_confirmed_) at = std::min(at, last_outgoing_ + kUnconfirmedLifetime);
  if (has_fin_out_ && has_fin_in_) at = std::min(at, last_packet_ + kClosedLinger);
  if (was_reset_) at = std::min(at, reset_at_ + kResetLinger);
  return at;
}

bool Session::handle_outgoing(const TcpSigns& signs, Timestamp now) {
  if (signs.opens && is_over()) {
    // The client uses its port again: another connection, with its own life ahead (RFC 5382 §5).
    *this = Session(outside_, std::max(now, last_packet_));
    return false;
  }
  last_packet_ = last_outgoing_ = std::max(now, last_packet_);
  const bool was_over = is_over();
  has_fin_out_ = has_fin_out_ || signs.fin;
  if (signs.rst && !was_reset_) reset_at_ = last_packet_;
  was_reset_ = was_reset_ || signs.rst;
  return is_over() != was_over || signs.rst;
}

bool Session::handle_incoming(const TcpSigns& signs, Timestamp now) {
  last_packet_ = std::max(now, last_packet_);
  is_confirmed_ = true;
  const bool was_over = is_over();
  has_fin_in_ = has_fin_in_ || signs.fin;
  if (signs.rst && !was_reset_) reset_at_ = last_packet_;
  was_reset_ = was_reset_ || signs.rst;
  return is_over() != was_over || signs.rst;
}

}  // namespace connlib::nat
