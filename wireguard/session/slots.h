#pragma once

#include <memory>
#include <vector>

#include "wireguard/session/session.h"

namespace connlib::wireguard {

// SessionSlots holds the up to four sessions of a tunnel (spec §9):
//
//   next      created by us as responder, receive only until its first use
//   current   used for sending
//   previous  receive only
//   heard     receive only: under which the peer last wrote, where that is none of the others
//
// The last is ours. When both ends start handshakes at once, each gets two sessions within a
// moment, and the peer has packets on their way under an older one, at every renewal from then on.
class SessionSlots {
 public:
  // A session we initiated is confirmed by the response: it becomes current at once.
  void add_initiated(std::unique_ptr<Session> session);

  // A session we answered waits in next until the peer proves that it has the keys.
  void add_responded(std::unique_ptr<Session> session);

  // confirm() rotates when `used` is next: previous := current, current := next. True then.
  bool confirm(const Session& used);

  // note_heard() is an authentic message under `session`, which stays until one under another.
  void note_heard(const Session& session) noexcept { last_heard_ = session.lease.index(); }

  // find() compares the full 32-bit index; nullptr when no slot has it.
  Session* find(SessionIndex local_index) noexcept;

  Session* current() noexcept { return current_.get(); }
  const Session* current() const noexcept { return current_.get(); }

  // indices() is what the peer may address us by.
  std::vector<SessionIndex> indices() const;

  // remove_expired() wipes dead sessions; says whether current was among them, and with what role.
  enum class CurrentLost : uint8_t { kNo, kAsInitiator, kAsResponder };
  CurrentLost remove_expired(Timestamp now);

  // The instant at which the oldest session dies; never() when there is none.
  Timestamp next_expiry() const;
  void clear();

 private:
  // Wipes `session`, unless it is the one under which the peer last wrote.
  void drop(std::unique_ptr<Session> session);

  SessionIndex last_heard_{0};
  std::unique_ptr<Session> heard_;
  std::unique_ptr<Session> previous_;
  std::unique_ptr<Session> current_;
  std::unique_ptr<Session> next_;
};

}  // namespace connlib::wireguard
