#include "snownet/node/connection.h"

#include <algorithm>
#include <utility>

namespace connlib::snownet::node {
namespace {

const char* name(ConnectionState state) {
  switch (state) {
    case ConnectionState::kConnecting:
      return "connecting";
    case ConnectionState::kConnected:
      return "connected";
    case ConnectionState::kIdle:
      return "idle";
    case ConnectionState::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace

Connection::Connection(const Identity& identity, const ConnectionOptions& options,
                       LateCandidates policy, RandomSource& random, Tracer& tracer, Timestamp now)
    : identity_(identity),
      role_(options.role),
      active_(options.active),
      idle_(options.idle),
      policy_(policy),
      tracer_(tracer),
      agent_({.role = options.role,
              .local = options.local,
              .remote = options.remote,
              .timing = options.active},
             random, tracer, now),
      created_at_(now),
      last_activity_(now),
      candidates_due_(now + kCandidateWait),
      intake_ends_(now) {}

bool Connection::is_same(const ConnectionOptions& options) const {
  return options.key == identity_.key && options.role == role_ &&
         options.local == agent_.local_credentials() &&
         options.remote == agent_.remote_credentials();
}

// --- State.

void Connection::set_state(ConnectionState next, const char* why) {
  if (next == state_) return;
  tracer_.trace(
      TraceLevel::kDebug, "node", "connection state",
      {{"peer", identity_.peer.value()}, {"from", name(state_)}, {"to", name(next)}, {"why", why}});
  state_ = next;
}

void Connection::fail(FailureReason why) {
  if (failure_) return;
  failure_ = why;
  set_state(ConnectionState::kFailed, "failed");
}

bool Connection::take_failure() { return failure_ && !std::exchange(is_failure_taken_, true); }

bool Connection::note_activity(Timestamp now) {
  last_activity_ = std::max(last_activity_, now);
  if (state_ != ConnectionState::kIdle) return false;
  agent_.set_timing(active_, now);
  last_heard_ = now;  // What the peer may have to say begins now.
  set_state(ConnectionState::kConnected, "activity");
  return true;
}

void Connection::note_upsert(Timestamp now) {
  intake_ends_ = now + kCandidateWait;
  note_activity(now);
}

void Connection::note_remote_candidate(Timestamp now) {
  candidates_due_ = Timestamp::never();
  note_activity(now);
}

// --- Late candidates.

bool Connection::accepts_relayed(Timestamp now) const {
  return policy_ == LateCandidates::kAcceptAll || !socket_ || now < intake_ends_;
}

bool Connection::accepts_remote() const { return policy_ != LateCandidates::kLiteral || !socket_; }

// --- The path.

bool Connection::select(const PeerSocket& socket, Timestamp now) {
  if (state_ == ConnectionState::kFailed || socket_ == socket) return false;
  if (!socket_) {
    statistics.until_selected = now - created_at_;
    set_state(ConnectionState::kConnected, "path selected");
    last_activity_ = now;
  } else {
    ++statistics.path_changes;
  }
  socket_ = socket;
  last_heard_ = now;
  return true;
}

void Connection::handle_ice_state(Timestamp now, ice::IceState state) {
  switch (state) {
    case ice::IceState::kNew:
      return;
    case ice::IceState::kChecking:
    case ice::IceState::kConnected:
    case ice::IceState::kCompleted:  // D3: as good.
      grace_ends_ = Timestamp::never();
      return;
    case ice::IceState::kDisconnected:
      // Where a pair has worked, the peer knows as well as we do that nothing is left; both ends
      // begin anew. Where none ever did, its candidates may simply have come before ours.
      // While intake is open the peer has just begun anew, and what it has to offer is on its way.
      if (agent_.ever_succeeded() && policy_ != LateCandidates::kAcceptAll && now >= intake_ends_) {
        fail(FailureReason::kNoPath);
      } else if (grace_ends_.is_never()) {
        grace_ends_ = now + kDisconnectGrace;
      }
      return;
  }
}

// --- The tunnel.

// Only the controlling side: two initiators would fight over the session.
bool Connection::take_handshake(Timestamp now) {
  if (!is_controlling()) return false;
  if (last_handshake_ && now - *last_handshake_ < kHandshakeGap) return false;
  last_handshake_ = now;
  return true;
}

Duration Connection::handshake_repeat() const {
  const ice::CandidatePair* pair = selected_pair();
  if (pair == nullptr || !pair->round_trip_time()) return kMaxHandshakeRepeat;
  return std::clamp(*pair->round_trip_time() * 3 / 2, kMinHandshakeRepeat, kMaxHandshakeRepeat);
}

bool Connection::take_established(Timestamp now) {
  if (is_established_ || !has_session_ || !is_connected()) return false;
  is_established_ = true;
  statistics.until_established = now - created_at_;
  return true;
}

// --- Time.

void Connection::handle_timeout(Timestamp now) {
  if (failure_) return;
  agent_.handle_timeout(now);
  if (may_sleep() && now - last_activity_ >= kIdleThreshold) {
    agent_.set_timing(idle_, now);
    set_state(ConnectionState::kIdle, "no activity");
  }
  // D15: whoever got through needs no candidates.
  if (candidates_due_ <= now) {
    candidates_due_ = Timestamp::never();
    if (!agent_.ever_succeeded()) fail(FailureReason::kNoCandidates);
  }
  if (grace_ends_ <= now) {
    grace_ends_ = Timestamp::never();
    // The agent may have found a pair in this very step.
    if (agent_.state() == ice::IceState::kDisconnected) fail(FailureReason::kNoPath);
  }
}

Wakeup Connection::poll_timeout() const {
  if (failure_) return Wakeup::none();
  Wakeup next = agent_.poll_timeout();
  next = earliest(next, {candidates_due_, "candidate wait"});
  next = earliest(next, {grace_ends_, "disconnect grace"});
  if (may_sleep()) next = earliest(next, {last_activity_ + kIdleThreshold, "idle threshold"});
  next = earliest(next, {relay_is_quiet_at(), "quiet relay"});
  return next;
}

bool Connection::take_relay_check(Timestamp now) {
  if (!socket_ || !socket_->relay) return false;
  if (last_relay_check_ && now - *last_relay_check_ < kRelayCheckGap) return false;
  if (relay_is_quiet_at() > now && !misses_answers()) return false;
  last_relay_check_ = now;
  return true;
}

bool Connection::misses_answers() const {
  const ice::CandidatePair* pair = selected_pair();
  return pair != nullptr && pair->unanswered_checks() >= kMissesBeforeRelayCheck;
}

const ice::CandidatePair* Connection::selected_pair() const {
  if (!socket_) return nullptr;
  for (const ice::CandidatePair& pair : agent_.pairs()) {
    if (pair.path() == socket_->path) return &pair;
  }
  return nullptr;
}

// Asleep, the peer checks less often; and a silence that the relay has been asked about is the
// peer's.
Timestamp Connection::relay_is_quiet_at() const {
  if (state_ != ConnectionState::kConnected || !socket_->relay) return Timestamp::never();
  const Timestamp at = last_heard_ + kRelayQuiet;
  if (!last_relay_check_) return at;
  if (*last_relay_check_ >= last_heard_) return Timestamp::never();
  return std::max(at, *last_relay_check_ + kRelayCheckGap);
}

}  // namespace connlib::snownet::node
