#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "snownet/stun/message.h"
#include "snownet/stun/retransmit_schedule.h"
#include "snownet/stun/transaction_id.h"

namespace connlib::snownet::stun {

// Transaction is one request on its way (RFC 8489 §6.2.1, §6.3). It owns the request's bytes, so
// every retransmission is the same message with the same transaction id; a request that must be
// signed anew (401, 438) is a new transaction. Its owner drops it when the answer was accepted.
class Transaction {
 public:
  // `request` is a complete request of ours; it is copied, and queued at once.
  Transaction(std::span<const uint8_t> request, const RetransmitPolicy& policy, Timestamp now);

  const TransactionId& id() const { return header_.transaction_id; }
  Method method() const { return header_.type.method; }
  std::span<const uint8_t> request() const { return request_; }

  void handle_timeout(Timestamp now);

  // The request, when it is due; borrows from this object until it is moved or destroyed.
  [[nodiscard]] std::optional<std::span<const uint8_t>> poll_transmit();
  [[nodiscard]] Wakeup poll_timeout() const;

  // True from the moment the last wait ended without an answer. Final.
  bool has_given_up() const { return has_given_up_; }

  // Whether `message` is a response to this request: class, method and transaction id. Source and
  // integrity are for the owner to check; a response that fails them must not end the transaction.
  bool is_answered_by(const Message& message) const;

  // The round-trip time of an answer that arrives at `now`. By Karn's rule nullopt after a
  // retransmission: nobody knows which copy was answered.
  std::optional<Duration> round_trip_time(Timestamp now) const;

 private:
  std::vector<uint8_t> request_;
  Header header_;
  RetransmitSchedule schedule_;
  Timestamp first_sent_at_;
  Timestamp last_now_;
  bool is_due_ = true;
  bool has_given_up_ = false;
};

}  // namespace connlib::snownet::stun
