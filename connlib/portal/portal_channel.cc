#include "connlib/portal/portal_channel.h"

#include <algorithm>
#include <utility>

namespace connlib::portal {

PortalChannel::PortalChannel(Role role, Timestamp now)
    : topic_(topic_of(role)),
      idle_timeout_(role == Role::kRelay ? kRelayIdleTimeout : kPeerIdleTimeout),
      last_now_(now),
      heard_at_(now) {}

void PortalChannel::note(Timestamp now) { last_now_ = std::max(last_now_, now); }

void PortalChannel::handle_text(Timestamp now, std::string_view text) {
  note(now);
  if (is_closed_) return;
  heard_at_ = last_now_;
  auto parsed = parse_peer_frame(text);
  if (const auto* drop = std::get_if<FrameDrop>(&parsed)) {
    ++drops_[static_cast<size_t>(*drop)];
    return;
  }
  handle_frame(std::get<PeerFrame>(std::move(parsed)));
}

void PortalChannel::handle_frame(PeerFrame frame) {
  if (frame.topic == kHeartbeatTopic && frame.event == kHeartbeatEvent) {
    return queue(write_ok_reply(kHeartbeatTopic, frame.ref));  // Before the join, too (spec 1.10).
  }
  const bool is_join = frame.event == kJoinEvent;
  if (frame.topic != topic_ || (!is_joined_ && !is_join)) {
    ++drops_[static_cast<size_t>(FrameDrop::kForeignTopic)];
    return queue(write_error_reply(frame.topic, frame.ref, "unmatched topic"));
  }
  if (is_join) {
    events_.emplace_back(JoinAsked{std::move(frame)});
  } else {
    events_.emplace_back(Received{std::move(frame)});
  }
}

void PortalChannel::accept_join(Timestamp now, Ref join) {
  note(now);
  if (is_closed_) return;
  is_joined_ = true;
  queue(write_ok_reply(topic_, join));
}

void PortalChannel::refuse_join(Timestamp now, Ref join, std::string_view reason) {
  note(now);
  if (is_closed_) return;
  is_joined_ = false;
  queue(write_error_reply(topic_, join, reason));
}

void PortalChannel::push(Timestamp now, const Encoded& message) {
  note(now);
  if (is_joined_ && !is_closed_) queue(write_push(topic_, message.event, message.payload));
}

void PortalChannel::reply_ok(Timestamp now, Ref ref) {
  note(now);
  if (!is_closed_) queue(write_ok_reply(topic_, ref));
}

void PortalChannel::reply_error(Timestamp now, Ref ref, std::string_view reason) {
  note(now);
  if (!is_closed_) queue(write_error_reply(topic_, ref, reason));
}

void PortalChannel::disconnect(Timestamp now) {
  note(now);
  if (is_closed_) return;
  queue(write_push(topic_, kDisconnectEvent, R"({"reason":"token_expired"})"));
  queue(write_push(topic_, kCloseEvent, "{}"));
  close(now, kCloseNormal);
}

void PortalChannel::close(Timestamp now, uint16_t code) {
  note(now);
  if (is_closed_) return;
  is_closed_ = true;
  is_joined_ = false;
  close_code_ = code;
}

// A peer that does not read costs itself the connection, not us the memory; `init` mends it.
void PortalChannel::queue(std::string frame) {
  if (is_closed_) return;
  if (frames_.size() == kMaxUnsentFrames || unsent_bytes_ + frame.size() > kMaxUnsentBytes) {
    frames_.clear();
    unsent_bytes_ = 0;
    return close(last_now_, kCloseServiceRestart);
  }
  unsent_bytes_ += frame.size();
  frames_.push_back(std::move(frame));
}

void PortalChannel::handle_timeout(Timestamp now) {
  note(now);
  if (!is_closed_ && heard_at_ + idle_timeout_ <= last_now_) close(now, kCloseProtocolError);
}

std::optional<std::string> PortalChannel::poll_transmit() {
  if (frames_.empty()) return std::nullopt;
  std::string frame = std::move(frames_.front());
  frames_.pop_front();
  unsent_bytes_ -= frame.size();
  return frame;
}

std::optional<uint16_t> PortalChannel::poll_close() {
  if (!frames_.empty()) return std::nullopt;
  return std::exchange(close_code_, std::nullopt);
}

std::optional<PortalChannel::Event> PortalChannel::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Wakeup PortalChannel::poll_timeout() const {
  if (!frames_.empty() || close_code_ || !events_.empty()) {
    return {last_now_, "portal channel has output"};
  }
  if (is_closed_) return Wakeup::none();
  return {heard_at_ + idle_timeout_, "close an idle channel"};
}

}  // namespace connlib::portal
