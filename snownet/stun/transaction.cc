#include "snownet/stun/transaction.h"

#include <algorithm>

#include "connlib/base/check.h"

namespace connlib::snownet::stun {
namespace {

Header header_of(std::span<const uint8_t> request) {
  const auto header = parse_header(request);
  CONNLIB_CHECK(header && header->type.cls == MessageClass::kRequest);
  return *header;
}

}  // namespace

Transaction::Transaction(std::span<const uint8_t> request, const RetransmitPolicy& policy,
                         Timestamp now)
    : request_(request.begin(), request.end()),
      header_(header_of(request)),
      schedule_(policy, now),
      first_sent_at_(now),
      last_now_(now) {}

void Transaction::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  switch (schedule_.handle_timeout(last_now_)) {
    case RetransmitSchedule::Step::kNothing:
      break;
    case RetransmitSchedule::Step::kTransmit:
      is_due_ = true;
      break;
    case RetransmitSchedule::Step::kGiveUp:
      is_due_ = false;
      has_given_up_ = true;
      break;
  }
}

std::optional<std::span<const uint8_t>> Transaction::poll_transmit() {
  if (!is_due_) return std::nullopt;
  is_due_ = false;
  return std::span<const uint8_t>(request_);
}

Wakeup Transaction::poll_timeout() const {
  if (is_due_) return {last_now_, "send STUN request"};
  return {schedule_.next_at(), "retransmit STUN request"};
}

bool Transaction::is_answered_by(const Message& message) const {
  const bool is_response =
      message.cls() == MessageClass::kSuccess || message.cls() == MessageClass::kError;
  return is_response && message.method() == method() && message.transaction_id() == id();
}

std::optional<Duration> Transaction::round_trip_time(Timestamp now) const {
  if (schedule_.transmissions() != 1) return std::nullopt;
  return std::max(last_now_, now) - first_sent_at_;
}

}  // namespace connlib::snownet::stun
