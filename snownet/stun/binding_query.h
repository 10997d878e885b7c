#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/wakeup.h"
#include "snownet/stun/retransmit_schedule.h"
#include "snownet/stun/transaction.h"

namespace connlib::snownet::stun {

// BindingQuery asks one STUN server how the network sees the socket that the query leaves from
// (RFC 8489 §3). Whoever owns it has the socket.
class BindingQuery {
 public:
  BindingQuery(const SocketAddress& server, RandomSource& random, Timestamp now,
               const RetransmitPolicy& policy = kRelayRetransmission);

  // take_answer() gives our mapped address when `datagram` from `from` is the answer; nullopt for
  // anything else, errors included, and once it is over.
  std::optional<SocketAddress> take_answer(const SocketAddress& from,
                                           std::span<const uint8_t> datagram);

  const SocketAddress& server() const { return server_; }
  [[nodiscard]] std::optional<std::span<const uint8_t>> poll_transmit();
  void handle_timeout(Timestamp now);
  [[nodiscard]] Wakeup poll_timeout() const;

  // Answered, or given up.
  bool is_over() const { return is_answered_ || transaction_.has_given_up(); }

 private:
  SocketAddress server_;
  Transaction transaction_;
  bool is_answered_ = false;
};

}  // namespace connlib::snownet::stun
