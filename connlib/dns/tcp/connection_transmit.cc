#include <algorithm>

#include "connlib/dns/tcp/connection.h"
#include "connlib/dns/tcp/sequence.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns::tcp {

bool Connection::write(std::span<const uint8_t> bytes) {
  if (bytes.size() > writable_bytes()) return false;
  unacknowledged_.insert(unacknowledged_.end(), bytes.begin(), bytes.end());
  if (retransmit_at_.is_never()) restart_timer();  // The peer's window may be closed.
  return true;
}

size_t Connection::writable_bytes() const {
  const bool is_open = state_ == State::kSynSent || state_ == State::kSynReceived ||
                       state_ == State::kEstablished || state_ == State::kCloseWait;
  return is_open && !is_fin_queued_ ? kMaxSendBytes - unacknowledged_.size() : 0;
}

void Connection::consume(size_t bytes) {
  bytes = std::min(bytes, received_.size());
  received_.erase(received_.begin(), received_.begin() + static_cast<ptrdiff_t>(bytes));
  // Tell of room when there was less than a segment of it (RFC 9293 §3.8.6.2.2).
  const bool is_worth_telling =
      advertised_window_ < segment_bytes_ && receive_window() >= segment_bytes_;
  if (is_worth_telling && state_ != State::kClosed && !is_receive_finished()) is_ack_due_ = true;
}

void Connection::close(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  if (state_ == State::kClosed || is_fin_queued_) return;
  if (state_ == State::kSynSent) return finish(CloseReason::kAborted);
  is_fin_queued_ = true;
  if (retransmit_at_.is_never()) restart_timer();
}

void Connection::abort(CloseReason reason) {
  const bool was_heard_of = state_ != State::kSynSent && state_ != State::kClosed;
  finish(reason);
  if (was_heard_of) reset_at_ = send_next_;
}

void Connection::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  if (linger_until_ <= last_now_) return finish(CloseReason::kFinished);
  if (last_now_ < retransmit_at_) return;
  if (retransmissions_ == kMaxRetransmissions) return abort(CloseReason::kTimedOut);
  ++retransmissions_;
  rto_.back_off();
  timed_sequence_.reset();
  duplicates_ = 0;
  if (send_highest_ != send_unacknowledged_) {
    congestion_.handle_retransmission_timeout(send_highest_ - send_unacknowledged_);
    recover_until_ = send_highest_;
  }
  send_next_ = send_unacknowledged_;
  is_probe_due_ = send_window_ == 0 && may_send_data();
  restart_timer();
}

// Runs while anything waits for an acknowledgment, or for a window.
void Connection::restart_timer() {
  const bool is_waiting = state_ != State::kClosed &&
                          (send_unacknowledged_ != send_highest_ || !unacknowledged_.empty());
  retransmit_at_ = is_waiting ? last_now_ + rto_.rto() : Timestamp::never();
}

bool Connection::may_send_data() const {
  switch (state_) {
    case State::kEstablished:
    case State::kFinWait1:
    case State::kCloseWait:
    case State::kClosing:
    case State::kLastAck:
      return true;
    case State::kSynSent:
    case State::kSynReceived:
    case State::kFinWait2:
    case State::kTimeWait:
    case State::kClosed:
      break;
  }
  return false;
}

uint32_t Connection::data_end() const {
  return send_unacknowledged_ + static_cast<uint32_t>(unacknowledged_.size());
}

uint16_t Connection::receive_window() const {
  const size_t room = kMaxReceivedBytes - std::min(received_.size(), kMaxReceivedBytes);
  return static_cast<uint16_t>(std::min<size_t>(room, UINT16_MAX));
}

std::optional<Connection::Plan> Connection::plan() const {
  if (reset_at_) return Plan{.flags = TcpFields::kRst, .sequence = *reset_at_};
  const bool is_opening = state_ == State::kSynSent || state_ == State::kSynReceived;
  if (is_opening && send_next_ == initial_sequence_) {
    const uint8_t ack = state_ == State::kSynReceived ? TcpFields::kAck : uint8_t{0};
    return Plan{.flags = static_cast<uint8_t>(TcpFields::kSyn | ack),
                .sequence = initial_sequence_};
  }
  if (may_send_data()) {
    if (const auto data = plan_data()) return data;
  }
  if (is_ack_due_) return Plan{.flags = TcpFields::kAck, .sequence = send_next_};
  return std::nullopt;
}

std::optional<Connection::Plan> Connection::plan_data() const {
  const uint32_t end = data_end();
  if (!is_after(send_next_, end)) {
    const uint32_t unsent = end - send_next_;
    if (unsent == 0 && is_fin_queued_) {
      return Plan{.flags = TcpFields::kFin | TcpFields::kAck, .sequence = send_next_};
    }
    const uint32_t allowed = std::min(send_window_, congestion_.bytes());
    const uint32_t in_flight = bytes_in_flight();
    const uint32_t room = allowed > in_flight ? allowed - in_flight : 0;
    const uint32_t size = std::min({unsent, room, segment_bytes_});
    // A small segment only as the last one, or alone (RFC 9293 §3.8.6.2.1).
    if (size > 0 && (size == unsent || size == segment_bytes_ || in_flight == 0)) {
      return Plan{.flags = TcpFields::kPsh | TcpFields::kAck,
                  .sequence = send_next_,
                  .payload_bytes = size};
    }
    if (unsent > 0 && is_probe_due_) {
      return Plan{
          .flags = TcpFields::kAck, .sequence = send_next_, .payload_bytes = 1, .is_probe = true};
    }
  }
  return std::nullopt;
}

std::span<uint8_t> Connection::poll_transmit(Timestamp now, std::span<uint8_t> out) {
  last_now_ = std::max(last_now_, now);
  const auto next = plan();
  if (!next) return {};
  const bool is_reset = (next->flags & TcpFields::kRst) != 0;
  const bool is_syn = (next->flags & TcpFields::kSyn) != 0;
  const bool has_ack = (next->flags & TcpFields::kAck) != 0;
  TcpFields fields{.sequence = next->sequence, .flags = next->flags};
  if (has_ack) fields.acknowledgment = receive_next_;
  if (!is_reset) fields.window = receive_window();
  if (is_syn) {
    const size_t ip = addresses_.to.ip.is_v4() ? kIpv4MinHeaderBytes : kIpv6HeaderBytes;
    fields.max_segment_bytes = static_cast<uint16_t>(IpPacket::kMaxBytes - ip - kTcpMinHeaderBytes);
  }
  const size_t offset = next->payload_bytes == 0 ? 0 : next->sequence - send_unacknowledged_;
  const auto payload = std::span(unacknowledged_).subspan(offset, next->payload_bytes);

  reset_at_.reset();
  if (!is_reset) advertised_window_ = fields.window;
  if (has_ack) is_ack_due_ = false;
  const bool is_fin = (next->flags & TcpFields::kFin) != 0;
  const uint32_t length = next->payload_bytes + (is_syn ? 1 : 0) + (is_fin ? 1 : 0);
  if (next->is_probe) is_probe_due_ = false;
  if (length > 0 && !is_reset) {
    const bool is_fresh = !is_before(send_next_, send_highest_);
    send_next_ += length;
    if (is_after(send_next_, send_highest_)) send_highest_ = send_next_;
    if (is_fresh && !timed_sequence_) {
      timed_sequence_ = next->sequence;
      timed_at_ = last_now_;
    }
    if (retransmit_at_.is_never()) restart_timer();
    if (is_fin && state_ == State::kEstablished) set_state(State::kFinWait1);
    if (is_fin && state_ == State::kCloseWait) set_state(State::kLastAck);
  }
  return write_tcp(addresses_, fields, payload, out);
}

Wakeup Connection::poll_timeout() const {
  if (plan()) return {last_now_, "TCP output"};
  return earliest(Wakeup{retransmit_at_, "TCP retransmission"},
                  Wakeup{linger_until_, "TCP linger"});
}

std::span<uint8_t> write_reset_for(const PacketAddresses& reply, const TcpSegment& segment,
                                   std::span<uint8_t> out) {
  if (segment.has_rst()) return {};
  if (segment.has_ack()) {
    return write_tcp(reply, {.sequence = segment.acknowledgment(), .flags = TcpFields::kRst}, {},
                     out);
  }
  const uint32_t length = static_cast<uint32_t>(segment.payload().size()) +
                          (segment.has_syn() ? 1 : 0) + (segment.has_fin() ? 1 : 0);
  return write_tcp(
      reply,
      {.acknowledgment = segment.sequence() + length, .flags = TcpFields::kRst | TcpFields::kAck},
      {}, out);
}

}  // namespace connlib::dns::tcp
