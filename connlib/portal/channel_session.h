#pragma once

#include <array>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timer_table.h"
#include "connlib/base/trace.h"
#include "connlib/portal/channel_event.h"
#include "connlib/portal/decoded.h"
#include "connlib/portal/handshake_response.h"
#include "connlib/portal/retry_schedule.h"

namespace connlib::portal {

inline constexpr Duration kAttemptTimeout = 15s;     // Spec portal-protocol 1.7: TCP, TLS, upgrade.
inline constexpr Duration kJoinTimeout = 5s;         // Spec 1.7.
inline constexpr Duration kHeartbeatInterval = 10s;  // Spec 1.10.
inline constexpr size_t kMaxUnansweredHeartbeats = 3;  // Spec 1.10.
inline constexpr size_t kMaxOutbox = 512;              // Ours: messages that wait for the socket.

// ChannelSession keeps one channel to the portal: a peer's end, whatever its role. It dials, joins,
// keeps alive, retries, and knows when to give up.
//
//   waiting ──► dialling ──► joining ──► joined
//      ▲            └───────────┴──────────┤
//      └──────── back-off ◄────────────────┘        anything final ──► ended
//
// Messages are names and JSON here; PeerChannel gives them types.
class ChannelSession {
 public:
  struct Config {
    std::string_view topic;  // A literal.
    std::string join_payload = "null";
    std::optional<Duration> max_partition;  // How long to wait in all for a portal that was there.
  };
  using Event = std::variant<Joined, Lost, Ended, Push>;

  // Dials at once. `date` is the time of day at `now`: HTTP knows no other.
  ChannelSession(Config config, RandomSource& random, Tracer& tracer, Timestamp now,
                 absl::Time date);

  // What became of the socket. All but the current one's are ignored.
  void handle_upgraded(Timestamp now, SocketId socket);
  void handle_refused(Timestamp now, SocketId socket, const HandshakeResponse& response);
  void handle_signing_declined(Timestamp now, SocketId socket);
  void handle_text(Timestamp now, SocketId socket, std::string_view text);
  void handle_closed(Timestamp now, SocketId socket);  // Or could not be opened.

  // The network changed: another socket, at once.
  void reconnect(Timestamp now);
  void shut_down(Timestamp now);
  void handle_timeout(Timestamp now);

  // send() queues one message. False, and it is lost: while not joined (state recovers through
  // `init`), and when the queue is full. A message equal to a waiting one is not queued twice.
  bool send(Encoded message);

  [[nodiscard]] std::optional<SocketCommand> poll_command();
  [[nodiscard]] std::optional<std::string> poll_transmit();  // A text frame; may hold secrets.
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] Wakeup poll_timeout() const;

  bool is_joined() const { return state_ == State::kJoined; }
  uint64_t drops(FrameDrop why) const { return drops_[static_cast<size_t>(why)]; }
  void count_drop(FrameDrop why) { ++drops_[static_cast<size_t>(why)]; }

 private:
  enum class State : uint8_t { kWaiting, kDialling, kJoining, kJoined, kEnded };
  enum class Timer : uint8_t { kRetry, kAttempt, kJoin, kHeartbeat, kCount };
  friend const char* timer_name(Timer timer);

  bool is_current(SocketId socket) const;
  void set_state(State next, const char* why);
  void dial(Timestamp now);
  void join(Timestamp now);
  void forget_socket();
  void lose(Timestamp now, const char* why, std::optional<CloseSocket> close,
            std::optional<Duration> retry_after = std::nullopt);
  void end(Ended::Why why, std::string message);
  CloseSocket close_with(uint16_t code) const { return {socket_, code}; }
  void handle_push(Timestamp now, Push push);
  void handle_reply(Timestamp now, const Reply& reply);
  void handle_disconnect(const Push& push);
  void beat(Timestamp now);
  absl::Time date_at(Timestamp now) const;
  void note(Timestamp now) { last_now_ = std::max(last_now_, now); }

  Config config_;
  Tracer& tracer_;
  RetrySchedule schedule_;
  Timestamp started_at_;
  absl::Time started_on_;
  Timestamp last_now_;
  State state_ = State::kWaiting;
  SocketId socket_;
  TimerTable<Timer> timers_;
  Ref next_ref_ = 0;
  Ref join_ref_ = 0;
  std::set<Ref> unanswered_heartbeats_;
  std::deque<SocketCommand> commands_;
  std::deque<std::string> frames_;  // Joins and heartbeats go before messages.
  std::deque<Encoded> outbox_;
  std::deque<Event> events_;
  std::array<uint64_t, kFrameDropKinds> drops_{};
};

}  // namespace connlib::portal
