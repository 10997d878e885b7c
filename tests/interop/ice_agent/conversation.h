#pragma once

#include <vector>

#include "shells/common/event_loop.h"
#include "shells/common/os_random.h"
#include "snownet/ice/agent.h"
#include "tests/interop/ice_agent/gatherer.h"
#include "tests/interop/ice_agent/options.h"
#include "tests/interop/ice_agent/ping_pong.h"
#include "tests/interop/udp_sockets.h"

namespace connlib::interop {

// Conversation is one agent from its first datagram to its last: gather, signal, connect, ping,
// linger so that the other end gets its answers, stop the loop.
class Conversation {
 public:
  Conversation(shells::EventLoop& loop, Options options, Tracer& tracer);

  bool has_succeeded() const { return pings_.is_over() && pings_.echoed() == PingPong::kPings; }

 private:
  static constexpr Duration kConnectingAtMost = 30s;
  static constexpr Duration kSignallingPause = 50ms;
  // A nomination needs half a round trip, and a better pair may follow the first.
  static constexpr Duration kSettling = 300ms;
  static constexpr Duration kLingering = 300ms;

  void take(const Arrival& arrival);
  void pump();
  void signal(Timestamp now);
  void take_events(Timestamp now);
  void report(const snownet::ice::Path& path) const;
  void talk(Timestamp now);
  void transmit(Timestamp now);
  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;

  shells::EventLoop& loop_;
  Options options_;
  shells::OsRandom random_;
  UdpSockets sockets_;
  snownet::ice::IceAgent agent_;
  Gatherer gatherer_;
  PingPong pings_;
  std::vector<snownet::ice::Candidate> candidates_;  // To be signalled.
  bool has_offered_ = false;
  bool is_said_ = false;  // `echoed N` was printed.
  Timestamp read_at_ = Timestamp::never();
  Timestamp settled_at_ = Timestamp::never();
  Timestamp give_up_at_;
  Timestamp end_at_ = Timestamp::never();
};

}  // namespace connlib::interop
