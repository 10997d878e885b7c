#include "snownet/stun/retransmit_schedule.h"

#include "connlib/base/check.h"

namespace connlib::snownet::stun {

RetransmitSchedule::RetransmitSchedule(const RetransmitPolicy& policy, Timestamp now)
    : policy_(policy), interval_(policy.initial_rto) {
  CONNLIB_CHECK(policy.transmissions >= 1 && policy.growth_percent >= 100);
  CONNLIB_CHECK(policy.initial_rto > 0ns && policy.final_wait > 0ns);
  wait_from(now);
}

RetransmitSchedule::Step RetransmitSchedule::handle_timeout(Timestamp now) {
  if (next_at_.is_never() || now < next_at_) return Step::kNothing;
  if (transmissions_ == policy_.transmissions) {
    next_at_ = Timestamp::never();
    return Step::kGiveUp;
  }
  ++transmissions_;
  interval_ = interval_ * policy_.growth_percent / 100;
  wait_from(now);
  return Step::kTransmit;
}

void RetransmitSchedule::wait_from(Timestamp now) {
  next_at_ = now + (transmissions_ == policy_.transmissions ? policy_.final_wait : interval_);
}

}  // namespace connlib::snownet::stun
