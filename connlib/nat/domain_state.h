#pragma once

#include <cstdint>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"

namespace connlib::nat {

inline constexpr Duration kRequestFloor = 2s;  // Between two requests (spec tunnel 4.3).

// Ours: while packets wait, the request is repeated without new ones, too. An application that
// sends one datagram and waits would otherwise wait forever when its request was lost.
inline constexpr Duration kLongestRequestRetry = 1min;
inline constexpr int kMaxTimedRequests = 8;  // Afterwards only traffic and queries ask.

// DomainState is how far one name of one resource has got with its gateway (spec tunnel 4.3):
//
//    (new) ──────────► Pending ◄──update── Recreating ◄──recreate── Confirmed, Failed
//                         │                     │
//                         ├── active ─► Confirmed ◄── active
//                         └── inactive ─► Failed
//
// Packets are held while nothing works yet, that is in the first Pending and in one that follows
// Failed. A name that has worked goes on working while it is asked for again (lesson 6dc5f85cc5).
//
// Every handler may end in a request that is due: take_request() says so, once.
class DomainState {
 public:
  enum class State : uint8_t { kPending, kConfirmed, kFailed, kRecreating };
  enum class Outcome : uint8_t { kNothing, kRelease, kDiscard };  // Of the packets that are held.

  explicit DomainState(Timestamp now) { ask(now); }

  State state() const { return state_; }

  // handle_update(): the name or its resource was asked for, or authorized.
  void handle_update(Timestamp now);
  // handle_query(): the name was looked up again, so its addresses may have changed.
  void handle_query();
  // handle_outgoing(): a packet wants to go there. True: hold it.
  bool handle_outgoing(Timestamp now, RandomSource& random);
  // handle_status() takes the gateway's answer. What arrives outside Pending and Recreating is
  // late, or a duplicate, and changes nothing.
  Outcome handle_status(bool is_active);
  void handle_timeout(Timestamp now, RandomSource& random);

  bool take_request();
  Timestamp next_retry() const { return retry_at_; }  // never() while nothing waits.

 private:
  void ask(Timestamp now);
  void ask_again(Timestamp now);
  void arm(Timestamp now, RandomSource& random);

  State state_ = State::kPending;
  bool holds_packets_ = true;
  bool is_held_ = false;  // A packet waits.
  bool is_request_due_ = false;
  int timed_requests_ = 0;
  Timestamp asked_at_{};
  Timestamp retry_at_ = Timestamp::never();
};

}  // namespace connlib::nat
