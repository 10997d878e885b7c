#include "connlib/portal/channel_session.h"

#include <algorithm>
#include <utility>

namespace connlib::portal {

const char* timer_name(ChannelSession::Timer timer) {
  using Timer = ChannelSession::Timer;
  switch (timer) {
    case Timer::kRetry:
      return "dial the portal again";
    case Timer::kAttempt:
      return "give up an attempt to connect to the portal";
    case Timer::kJoin:
      return "give up a join";
    case Timer::kHeartbeat:
      return "send a heartbeat to the portal";
    case Timer::kCount:
      break;
  }
  return "?";
}

ChannelSession::ChannelSession(Config config, RandomSource& random, Tracer& tracer, Timestamp now,
                               absl::Time date)
    : config_(std::move(config)),
      tracer_(tracer),
      schedule_(config_.max_partition, random),
      started_at_(now),
      started_on_(date),
      last_now_(now) {
  dial(now);
}

bool ChannelSession::is_current(SocketId socket) const {
  return socket == socket_ && state_ != State::kEnded && state_ != State::kWaiting;
}

absl::Time ChannelSession::date_at(Timestamp now) const {
  return started_on_ + absl::FromChrono(now - started_at_);
}

void ChannelSession::set_state(State next, const char* why) {
  state_ = next;
  tracer_.trace(TraceLevel::kDebug, "portal", "channel changes state",
                {{"topic", config_.topic}, {"state", static_cast<int>(next)}, {"why", why}});
}

void ChannelSession::dial(Timestamp now) {
  set_state(State::kDialling, "dial");
  socket_ = SocketId(socket_.value() + 1);
  timers_.set(Timer::kAttempt, now + kAttemptTimeout);
  commands_.emplace_back(Dial{socket_});
}

void ChannelSession::handle_upgraded(Timestamp now, SocketId socket) {
  note(now);
  if (!is_current(socket) || state_ != State::kDialling) return;
  timers_.clear_all();
  next_ref_ = 0;
  timers_.set(Timer::kHeartbeat, last_now_ + kHeartbeatInterval);
  join(last_now_);
}

void ChannelSession::join(Timestamp now) {
  set_state(State::kJoining, "join");
  timers_.set(Timer::kJoin, now + kJoinTimeout);
  join_ref_ = next_ref_++;
  frames_.push_back(write_peer_frame(config_.topic, kJoinEvent, config_.join_payload, join_ref_));
}

void ChannelSession::handle_refused(Timestamp now, SocketId socket,
                                    const HandshakeResponse& response) {
  note(now);
  if (!is_current(socket) || state_ != State::kDialling) return;
  const Refusal refusal = judge(response, date_at(last_now_));
  tracer_.trace(TraceLevel::kInfo, "portal", "handshake refused",
                {{"status", response.status}, {"message", refusal.message}});
  std::optional<Duration> retry_after = refusal.retry_after;
  if (retry_after) retry_after = std::max(*retry_after, kShortestRetryAfter);
  switch (refusal.verdict) {
    case Refusal::Verdict::kTokenRejected:
      return end(Ended::Why::kTokenRejected, refusal.message);
    case Refusal::Verdict::kUnauthorized:
      return end(Ended::Why::kUnauthorized, refusal.message);
    case Refusal::Verdict::kTransient:
      return lose(last_now_, "handshake refused", std::nullopt, retry_after);
  }
}

void ChannelSession::handle_signing_declined(Timestamp now, SocketId socket) {
  note(now);
  if (!is_current(socket)) return;
  end(Ended::Why::kSigningDeclined, "the device's certificate could not be used");
}

void ChannelSession::handle_closed(Timestamp now, SocketId socket) {
  note(now);
  if (is_current(socket)) lose(last_now_, "connection closed", std::nullopt);
}

void ChannelSession::handle_text(Timestamp now, SocketId socket, std::string_view text) {
  note(now);
  if (!is_current(socket) || state_ == State::kDialling) return;
  PortalFrame frame = parse_portal_frame(text);
  if (const auto* drop = std::get_if<FrameDrop>(&frame)) count_drop(*drop);
  if (const auto* reply = std::get_if<Reply>(&frame)) handle_reply(last_now_, *reply);
  if (auto* push = std::get_if<Push>(&frame)) handle_push(last_now_, std::move(*push));
}

void ChannelSession::handle_reply(Timestamp now, const Reply& reply) {
  if (reply.topic == kHeartbeatTopic) {
    if (unanswered_heartbeats_.erase(reply.ref) == 0) count_drop(FrameDrop::kUnknownReply);
    return;
  }
  if (reply.topic != config_.topic) return count_drop(FrameDrop::kForeignTopic);
  if (reply.ref >= next_ref_) return count_drop(FrameDrop::kUnknownReply);
  if (state_ == State::kJoining && reply.ref == join_ref_) {
    if (!reply.is_ok) return end(Ended::Why::kJoinRefused, reply.reason);
    timers_.clear(Timer::kJoin);
    schedule_.handle_joined();
    set_state(State::kJoined, "joined");
    events_.emplace_back(Joined{});
    return;
  }
  if (reply.is_ok) return;
  tracer_.trace(TraceLevel::kDebug, "portal", "message refused",
                {{"ref", reply.ref}, {"reason", reply.reason}});
  // The channel vanished, the socket did not (spec 1.11). One answer out of several is enough.
  if (reply.reason == "unmatched topic" && state_ == State::kJoined && reply.ref > join_ref_) {
    outbox_.clear();
    join(now);
  }
}

void ChannelSession::handle_push(Timestamp now, Push push) {
  if (push.topic != config_.topic) return count_drop(FrameDrop::kForeignTopic);
  if (push.event == kCloseEvent) {
    return lose(now, "channel closed", CloseSocket{socket_, std::nullopt});
  }
  if (push.event == kDisconnectEvent) return handle_disconnect(push);
  if (push.event == kErrorEvent) {  // The portal closes the socket when it means it.
    tracer_.trace(TraceLevel::kInfo, "portal", "channel crashed");
    return;
  }
  events_.emplace_back(std::move(push));
}

void ChannelSession::handle_disconnect(const Push& push) {
  const auto reason = push.payload()["reason"].text();
  if (reason == "token_expired") return end(Ended::Why::kTokenRejected, "token expired");
  if (reason == "certificate_revoked") {
    return end(Ended::Why::kCertificateRevoked, "the device's certificate was revoked");
  }
  count_drop(FrameDrop::kBadPayload);
}

// What waited for this socket, and what was waited for on it, ends with it.
void ChannelSession::forget_socket() {
  timers_.clear_all();
  unanswered_heartbeats_.clear();
  frames_.clear();
  outbox_.clear();
}

void ChannelSession::lose(Timestamp now, const char* why, std::optional<CloseSocket> close,
                          std::optional<Duration> retry_after) {
  forget_socket();
  if (close) commands_.emplace_back(*close);
  // A wait that the portal asked for does not use up our patience (spec 1.6).
  const auto wait = retry_after ? retry_after : schedule_.next();
  if (!wait) return end(Ended::Why::kRetriesExhausted, why);
  set_state(State::kWaiting, why);
  timers_.set(Timer::kRetry, now + *wait);
  events_.emplace_back(Lost{why, now + *wait});
}

void ChannelSession::end(Ended::Why why, std::string message) {
  if (state_ == State::kJoining || state_ == State::kJoined) {
    commands_.emplace_back(close_with(kCloseNormal));
  }
  forget_socket();
  set_state(State::kEnded, "final");
  events_.emplace_back(Ended{why, std::move(message)});
}

void ChannelSession::reconnect(Timestamp now) {
  note(now);
  if (state_ == State::kEnded) return;
  if (state_ != State::kWaiting) {
    commands_.emplace_back(close_with(kCloseNormal));
    events_.emplace_back(Lost{"reconnecting", last_now_});
  }
  forget_socket();
  schedule_.reset();
  dial(last_now_);
}

void ChannelSession::shut_down(Timestamp now) {
  note(now);
  if (state_ == State::kEnded) return;
  if (state_ != State::kWaiting) commands_.emplace_back(close_with(kCloseNormal));
  forget_socket();
  set_state(State::kEnded, "shut down");
}

void ChannelSession::beat(Timestamp now) {
  if (unanswered_heartbeats_.size() >= kMaxUnansweredHeartbeats) {
    return lose(now, "heartbeats unanswered", close_with(kCloseNormal));
  }
  timers_.set(Timer::kHeartbeat, now + kHeartbeatInterval);
  unanswered_heartbeats_.insert(next_ref_);
  frames_.push_back(write_peer_frame(kHeartbeatTopic, kHeartbeatEvent, "{}", next_ref_++));
}

void ChannelSession::handle_timeout(Timestamp now) {
  note(now);
  if (timers_.take_due(Timer::kRetry, last_now_)) dial(last_now_);
  if (timers_.take_due(Timer::kAttempt, last_now_)) {
    lose(last_now_, "connecting took too long", CloseSocket{socket_, std::nullopt});
  }
  if (timers_.take_due(Timer::kJoin, last_now_)) {
    lose(last_now_, "join unanswered", close_with(kCloseNormal));
  }
  if (timers_.take_due(Timer::kHeartbeat, last_now_)) beat(last_now_);
}

bool ChannelSession::send(Encoded message) {
  if (state_ != State::kJoined) return false;
  if (std::find(outbox_.begin(), outbox_.end(), message) != outbox_.end()) return true;
  if (outbox_.size() == kMaxOutbox) return false;
  outbox_.push_back(std::move(message));
  return true;
}

std::optional<SocketCommand> ChannelSession::poll_command() {
  if (commands_.empty()) return std::nullopt;
  const SocketCommand command = commands_.front();
  commands_.pop_front();
  return command;
}

std::optional<std::string> ChannelSession::poll_transmit() {
  if (!frames_.empty()) {
    std::string frame = std::move(frames_.front());
    frames_.pop_front();
    return frame;
  }
  if (outbox_.empty()) return std::nullopt;
  const Encoded message = std::move(outbox_.front());
  outbox_.pop_front();
  return write_peer_frame(config_.topic, message.event, message.payload, next_ref_++);
}

std::optional<ChannelSession::Event> ChannelSession::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Wakeup ChannelSession::poll_timeout() const {
  const bool has_output =
      !commands_.empty() || !frames_.empty() || !outbox_.empty() || !events_.empty();
  if (has_output) return {last_now_, "portal channel has output"};
  return timers_.next();
}

}  // namespace connlib::portal
