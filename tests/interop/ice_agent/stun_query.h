#pragma once

#include <optional>
#include <span>

#include "connlib/base/random_source.h"
#include "connlib/base/wakeup.h"
#include "snownet/stun/transaction.h"

namespace connlib::interop {

// StunQuery asks one STUN server how the network sees us (RFC 8489 §13).
class StunQuery {
 public:
  StunQuery(const SocketAddress& server, RandomSource& random, Timestamp now);

  // take_answer() gives our mapped address when `datagram` from `from` is the answer.
  std::optional<SocketAddress> take_answer(const SocketAddress& from,
                                           std::span<const uint8_t> datagram);

  const SocketAddress& server() const { return server_; }
  [[nodiscard]] std::optional<std::span<const uint8_t>> poll_transmit();
  void handle_timeout(Timestamp now);
  [[nodiscard]] Wakeup poll_timeout() const;
  bool is_over() const { return is_answered_ || transaction_.has_given_up(); }

 private:
  SocketAddress server_;
  snownet::stun::Transaction transaction_;
  bool is_answered_ = false;
};

}  // namespace connlib::interop
