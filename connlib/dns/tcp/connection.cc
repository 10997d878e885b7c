#include "connlib/dns/tcp/connection.h"

#include <algorithm>

#include "connlib/base/check.h"
#include "connlib/dns/tcp/sequence.h"
#include "connlib/packet/ip_packet.h"

namespace connlib::dns::tcp {
namespace {

constexpr uint32_t kMinSegmentBytes = 64;       // Ours: a peer may ask for less and waste itself.
constexpr uint32_t kDefaultSegmentBytes = 536;  // RFC 9293 §3.7.1; RFC 8200 allows more to v6.
constexpr int kDuplicatesForLoss = 3;           // RFC 5681 §3.2

uint32_t largest_segment(IpFamily family) {
  const size_t ip = family == IpFamily::kV4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes;
  return static_cast<uint32_t>(IpPacket::kMaxBytes - ip - kTcpMinHeaderBytes);
}

uint32_t sequence_length(const TcpSegment& segment) {
  return static_cast<uint32_t>(segment.payload().size()) + (segment.has_syn() ? 1 : 0) +
         (segment.has_fin() ? 1 : 0);
}

// The MSS option of a SYN (RFC 9293 §3.2). Options are a hostile list: every step moves on.
std::optional<uint16_t> max_segment_option(std::span<const uint8_t> options) {
  while (!options.empty() && options[0] != 0) {
    if (options[0] == 1) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) break;
    if (options[0] == 2 && options[1] == 4) return load_be16(&options[2]);
    options = options.subspan(options[1]);
  }
  return std::nullopt;
}

}  // namespace

Connection::Connection(const PacketAddresses& addresses, uint32_t initial_sequence, State state,
                       Timestamp now)
    : addresses_(addresses),
      state_(state),
      last_now_(now),
      initial_sequence_(initial_sequence),
      send_unacknowledged_(initial_sequence),
      send_next_(initial_sequence),
      send_highest_(initial_sequence),
      segment_bytes_(kDefaultSegmentBytes),
      congestion_(kDefaultSegmentBytes),
      recover_until_(initial_sequence) {}

Connection Connection::connect(const PacketAddresses& addresses, uint32_t initial_sequence,
                               Timestamp now) {
  return {addresses, initial_sequence, State::kSynSent, now};
}

Connection Connection::accept(const PacketAddresses& addresses, const TcpSegment& syn,
                              uint32_t initial_sequence, Timestamp now) {
  CONNLIB_CHECK(syn.has_syn() && !syn.has_ack() && !syn.has_rst());
  Connection connection(addresses, initial_sequence, State::kSynReceived, now);
  connection.receive_next_ = syn.sequence() + 1;
  connection.read_options(syn);
  connection.set_send_window(syn);
  return connection;
}

void Connection::set_state(State state) {
  CONNLIB_DCHECK(state_ != State::kClosed);
  state_ = state;
  if (state == State::kFinWait2) linger_until_ = last_now_ + kFinWait2;
  if (state == State::kTimeWait) linger_until_ = last_now_ + kTimeWait;
}

void Connection::finish(CloseReason reason) {
  if (state_ == State::kClosed) return;
  set_state(State::kClosed);
  close_reason_ = reason;
  retransmit_at_ = linger_until_ = Timestamp::never();
  is_ack_due_ = is_probe_due_ = false;
  unacknowledged_.clear();
}

void Connection::handle_segment(Timestamp now, const TcpSegment& segment) {
  last_now_ = std::max(last_now_, now);
  if (state_ == State::kClosed) return;
  if (state_ == State::kSynSent) return handle_in_syn_sent(segment);
  if (state_ == State::kSynReceived && segment.has_syn() && !segment.has_ack() &&
      segment.sequence() + 1 == receive_next_) {
    send_next_ = initial_sequence_;  // Our SYN,ACK was lost.
    return;
  }
  // A pure acknowledgment is never answered: two confused ends would answer each other for ever.
  if (!is_acceptable(segment)) {
    is_ack_due_ = is_ack_due_ || (!segment.has_rst() && sequence_length(segment) > 0);
    return;
  }
  if (segment.has_rst()) {
    // RFC 5961 §3.2: only the exact sequence number resets, any other in the window is challenged.
    if (segment.sequence() != receive_next_) {
      is_ack_due_ = true;
    } else {
      finish(CloseReason::kReset);
    }
    return;
  }
  if (segment.has_syn()) {
    is_ack_due_ = true;  // RFC 5961 §4.2
    return;
  }
  if (!segment.has_ack() || !handle_acknowledgment(segment)) return;
  handle_payload(segment);
}

void Connection::handle_in_syn_sent(const TcpSegment& segment) {
  const bool is_acknowledged =
      segment.has_ack() && segment.acknowledgment() == initial_sequence_ + 1;
  if (segment.has_ack() && !is_acknowledged) {
    if (!segment.has_rst()) reset_at_ = segment.acknowledgment();
    return;
  }
  if (segment.has_rst()) {
    if (is_acknowledged) finish(CloseReason::kReset);
    return;
  }
  if (!segment.has_syn()) return;
  receive_next_ = segment.sequence() + 1;
  read_options(segment);
  set_send_window(segment);
  if (!is_acknowledged) {
    set_state(State::kSynReceived);  // Both ends connect at once.
    send_next_ = initial_sequence_;
    return;
  }
  handle_new_acknowledgment(segment.acknowledgment());
  set_state(State::kEstablished);
  is_ack_due_ = true;
}

// RFC 9293 §3.10.7.4, the four cases of the table.
bool Connection::is_acceptable(const TcpSegment& segment) const {
  const uint32_t length = sequence_length(segment);
  const uint32_t window = receive_window();
  const auto is_inside = [&](uint32_t sequence) { return sequence - receive_next_ < window; };
  if (length == 0) return segment.sequence() == receive_next_ || is_inside(segment.sequence());
  if (window == 0) return false;
  return is_inside(segment.sequence()) || is_inside(segment.sequence() + length - 1);
}

// False when the segment is not to be read any further.
bool Connection::handle_acknowledgment(const TcpSegment& segment) {
  const uint32_t acknowledgment = segment.acknowledgment();
  if (state_ == State::kSynReceived) {
    if (acknowledgment != initial_sequence_ + 1) {
      reset_at_ = acknowledgment;
      return false;
    }
    handle_new_acknowledgment(acknowledgment);
    set_state(State::kEstablished);
    set_send_window(segment);
    return true;
  }
  if (is_after(acknowledgment, send_highest_)) {
    is_ack_due_ = is_ack_due_ || sequence_length(segment) > 0;
    return false;
  }
  if (is_after(acknowledgment, send_unacknowledged_)) {
    handle_new_acknowledgment(acknowledgment);
  } else if (acknowledgment == send_unacknowledged_) {
    handle_duplicate_acknowledgment(segment);
  }
  const bool is_newer =
      is_before(window_sequence_, segment.sequence()) ||
      (window_sequence_ == segment.sequence() && !is_after(window_acknowledgment_, acknowledgment));
  if (is_newer) set_send_window(segment);
  return state_ != State::kClosed;
}

void Connection::handle_new_acknowledgment(uint32_t acknowledged) {
  uint32_t bytes = acknowledged - send_unacknowledged_;
  if (timed_sequence_ && is_after(acknowledged, *timed_sequence_)) {
    rto_.add_sample(last_now_ - timed_at_);
    timed_sequence_.reset();
  }
  if (send_unacknowledged_ == initial_sequence_) --bytes;  // SYN
  const bool is_fin_acknowledged = bytes > unacknowledged_.size();
  const size_t data = std::min<size_t>(bytes, unacknowledged_.size());
  unacknowledged_.erase(unacknowledged_.begin(),
                        unacknowledged_.begin() + static_cast<ptrdiff_t>(data));
  send_unacknowledged_ = acknowledged;
  if (is_before(send_next_, acknowledged)) send_next_ = acknowledged;
  congestion_.handle_acknowledged(static_cast<uint32_t>(data));
  retransmissions_ = duplicates_ = 0;
  rto_.handle_progress();
  is_probe_due_ = false;
  restart_timer();
  if (is_fin_acknowledged) handle_our_fin_acknowledged();
}

void Connection::handle_our_fin_acknowledged() {
  if (state_ == State::kFinWait1) set_state(State::kFinWait2);
  if (state_ == State::kClosing) set_state(State::kTimeWait);
  if (state_ == State::kLastAck) finish(CloseReason::kFinished);
}

// RFC 5681 §2: a duplicate carries nothing and changes nothing while something is under way.
void Connection::handle_duplicate_acknowledgment(const TcpSegment& segment) {
  if (is_before(send_unacknowledged_, send_highest_) && sequence_length(segment) == 0) {
    retransmissions_ = 0;  // The peer is alive, if only to say that its window is closed.
  }
  if (bytes_in_flight() == 0 || sequence_length(segment) > 0 || segment.window() != send_window_) {
    return;
  }
  if (++duplicates_ != kDuplicatesForLoss) return;
  if (is_before(send_unacknowledged_, recover_until_)) return;
  recover_until_ = send_highest_;
  congestion_.handle_loss(bytes_in_flight());
  // All of it again: a peer like us kept nothing of what came behind the hole.
  send_next_ = send_unacknowledged_;
  timed_sequence_.reset();
}

void Connection::handle_payload(const TcpSegment& segment) {
  if (sequence_length(segment) == 0) return;
  is_ack_due_ = true;
  if (is_after(segment.sequence(), receive_next_)) return;  // A hole: dropped, acknowledged again.
  if (is_receive_finished() || state_ == State::kTimeWait) return;
  const uint32_t known = receive_next_ - segment.sequence();
  auto fresh = segment.payload();
  fresh = fresh.subspan(std::min<size_t>(known, fresh.size()));
  const bool is_whole = fresh.size() <= receive_window();
  if (!is_whole) fresh = fresh.first(receive_window());
  received_.insert(received_.end(), fresh.begin(), fresh.end());
  receive_next_ += static_cast<uint32_t>(fresh.size());
  if (segment.has_fin() && is_whole) handle_fin();
}

void Connection::handle_fin() {
  ++receive_next_;
  if (state_ == State::kEstablished) set_state(State::kCloseWait);
  if (state_ == State::kFinWait1) set_state(State::kClosing);
  if (state_ == State::kFinWait2) set_state(State::kTimeWait);
}

bool Connection::is_receive_finished() const {
  return state_ == State::kCloseWait || state_ == State::kLastAck || state_ == State::kClosing ||
         state_ == State::kTimeWait || state_ == State::kClosed;
}

void Connection::read_options(const TcpSegment& syn) {
  const uint32_t asked = max_segment_option(syn.options()).value_or(kDefaultSegmentBytes);
  segment_bytes_ = std::clamp(asked, kMinSegmentBytes, largest_segment(addresses_.to.ip.family()));
  congestion_.set_segment_bytes(segment_bytes_);
}

void Connection::set_send_window(const TcpSegment& segment) {
  // What went into a closed window was a probe, and is gone.
  if (send_window_ == 0 && segment.window() > 0) send_next_ = send_unacknowledged_;
  send_window_ = segment.window();
  window_sequence_ = segment.sequence();
  window_acknowledgment_ = segment.has_ack() ? segment.acknowledgment() : 0;
  if (send_window_ > 0) is_probe_due_ = false;
}

}  // namespace connlib::dns::tcp
