#pragma once

#include <cstdint>

#include "connlib/base/timestamp.h"

namespace connlib::snownet::stun {

// RetransmitPolicy says how often and how patiently a request is sent (RFC 8489 §6.2.1).
struct RetransmitPolicy {
  Duration initial_rto;     // From the first transmission to the second.
  uint32_t growth_percent;  // Of each interval over the one before: 200 doubles.
  uint32_t transmissions;   // Rc: in all, the first included; at least one.
  Duration final_wait;      // From the last transmission to giving up: Rm * RTO in the RFC.
};

// From the first transmission to giving up, when nothing answers and nobody is late.
constexpr Duration time_to_give_up(const RetransmitPolicy& policy) {
  Duration total = policy.final_wait;
  Duration interval = policy.initial_rto;
  for (uint32_t sent = 1; sent < policy.transmissions; ++sent) {
    total += interval;
    interval = interval * policy.growth_percent / 100;
  }
  return total;
}

// RFC 8489 §6.2.1 over UDP: RTO 500 ms, Rc = 7, Rm = 16.
inline constexpr RetransmitPolicy kRfcRetransmission{
    .initial_rto = 500ms, .growth_percent = 200, .transmissions = 7, .final_wait = 16 * 500ms};
// Departs from RFC 8489 §6.2.1: relays must be given up about as fast as ICE gives up a pair.
inline constexpr RetransmitPolicy kRelayRetransmission{
    .initial_rto = 1s, .growth_percent = 150, .transmissions = 4, .final_wait = 3375ms};
// Is the relay still there? One try, so that TCP through a dead relay survives the move.
inline constexpr RetransmitPolicy kRelayProbe{
    .initial_rto = 1s, .growth_percent = 100, .transmissions = 1, .final_wait = 1s};
// Ours: the same question when it is likely that the relay is gone, but not by what the portal
// says.
inline constexpr RetransmitPolicy kRelayDoubt{
    .initial_rto = 500ms, .growth_percent = 100, .transmissions = 4, .final_wait = 1s};
static_assert(time_to_give_up(kRfcRetransmission) == 39500ms);
static_assert(time_to_give_up(kRelayRetransmission) == 8125ms);
static_assert(time_to_give_up(kRelayDoubt) == 2500ms);

// RetransmitSchedule counts transmissions and says when the next step is due. Intervals count from
// the moment the step was taken: after a suspend one transmission goes out, not all that were
// missed.
class RetransmitSchedule {
 public:
  enum class Step : uint8_t { kNothing, kTransmit, kGiveUp };

  // The first transmission is taken to happen at `now`.
  RetransmitSchedule(const RetransmitPolicy& policy, Timestamp now);

  // handle_timeout() takes at most one step; kNothing when early or after kGiveUp.
  Step handle_timeout(Timestamp now);

  uint32_t transmissions() const { return transmissions_; }
  Timestamp next_at() const { return next_at_; }  // never() after kGiveUp.

 private:
  void wait_from(Timestamp now);

  RetransmitPolicy policy_;
  Duration interval_;
  uint32_t transmissions_ = 1;
  Timestamp next_at_;
};

}  // namespace connlib::snownet::stun
