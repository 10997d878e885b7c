#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/ip.h"
#include "connlib/base/timestamp.h"
#include "connlib/base/wakeup.h"
#include "connlib/dns/packet_writer.h"
#include "connlib/dns/tcp/congestion_window.h"
#include "connlib/dns/tcp/rto_estimator.h"
#include "connlib/packet/tcp_segment.h"

namespace connlib::dns::tcp {

enum class State : uint8_t {  // RFC 9293 §3.3.2
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
  kClosed,
};

enum class CloseReason : uint8_t { kOpen, kFinished, kReset, kTimedOut, kAborted };

// Connection is one TCP connection (RFC 9293) as bytes in, bytes out: segments of its four-tuple
// come in through handle_segment(), whole IP packets leave through poll_transmit(). Small on
// purpose: no urgent data, window scaling, timestamps or SACK, and segments that arrive out of
// order are dropped for the sender to repeat. What it has is what a hostile or lossy network asks
// for: blind resets and SYNs are challenged (RFC 5961), everything is bounded, every wait ends.
class Connection {
 public:
  // Ours: one DNS message with its length, either way. The spec has buffers of 65,535 (3.10), in
  // which the longest message would wait for ever for its last two bytes.
  static constexpr size_t kMaxReceivedBytes = 65'537;
  static constexpr size_t kMaxSendBytes = 65'537;
  static constexpr int kMaxRetransmissions = 6;  // Ours: about a minute, then kTimedOut.
  static constexpr Duration kTimeWait = 1s;      // Ours: 2 MSL of a link that is a machine.
  static constexpr Duration kFinWait2 = 10s;     // Ours: the peer never closes its end.

  // connect() sends a SYN. accept() answers `syn`, which has SYN and neither ACK nor RST.
  // `initial_sequence` is random, so that nobody can guess into the connection (RFC 6528).
  static Connection connect(const PacketAddresses& addresses, uint32_t initial_sequence,
                            Timestamp now);
  static Connection accept(const PacketAddresses& addresses, const TcpSegment& syn,
                           uint32_t initial_sequence, Timestamp now);

  void handle_segment(Timestamp now, const TcpSegment& segment);
  void handle_timeout(Timestamp now);

  // write() queues all of `bytes` or, when they do not fit, nothing.
  [[nodiscard]] bool write(std::span<const uint8_t> bytes);
  size_t writable_bytes() const;

  // What arrived in order. consume() makes room, which opens the window. Borrows until the next
  // call that is not const.
  std::span<const uint8_t> received() const { return received_; }
  void consume(size_t bytes);
  // The peer will send nothing behind received().
  bool is_receive_finished() const;

  // close() sends FIN behind what was written; abort() sends RST and is done.
  void close(Timestamp now);
  void abort(CloseReason reason = CloseReason::kAborted);

  // poll_transmit() writes the next packet into `out`, which has room for IpPacket::kMaxBytes.
  // Empty when there is nothing to send.
  std::span<uint8_t> poll_transmit(Timestamp now, std::span<uint8_t> out);
  Wakeup poll_timeout() const;

  State state() const { return state_; }
  // Nothing is left to do or to send.
  bool is_closed() const { return state_ == State::kClosed && !reset_at_; }
  CloseReason close_reason() const { return close_reason_; }
  const PacketAddresses& addresses() const { return addresses_; }
  size_t unacknowledged_bytes() const { return unacknowledged_.size(); }

 private:
  // What poll_transmit() sends next.
  struct Plan {
    uint8_t flags = 0;
    uint32_t sequence = 0;
    uint32_t payload_bytes = 0;
    bool is_probe = false;  // Of a closed window.
  };

  Connection(const PacketAddresses& addresses, uint32_t initial_sequence, State state,
             Timestamp now);
  void set_state(State state);
  void finish(CloseReason reason);

  // Inbound, in the order of RFC 9293 §3.10.7.
  void handle_in_syn_sent(const TcpSegment& segment);
  bool is_acceptable(const TcpSegment& segment) const;
  bool handle_acknowledgment(const TcpSegment& segment);
  void handle_new_acknowledgment(uint32_t acknowledged);
  void handle_duplicate_acknowledgment(const TcpSegment& segment);
  void handle_our_fin_acknowledged();
  void handle_payload(const TcpSegment& segment);
  void handle_fin();
  void read_options(const TcpSegment& syn);
  void set_send_window(const TcpSegment& segment);

  // Outbound.
  std::optional<Plan> plan() const;
  std::optional<Plan> plan_data() const;
  bool may_send_data() const;
  uint32_t data_end() const;  // Sequence number behind the last byte that was written.
  uint32_t bytes_in_flight() const { return send_next_ - send_unacknowledged_; }
  uint16_t receive_window() const;
  void restart_timer();

  PacketAddresses addresses_;
  State state_;
  CloseReason close_reason_ = CloseReason::kOpen;
  Timestamp last_now_;

  uint32_t initial_sequence_;
  uint32_t send_unacknowledged_;  // SND.UNA
  uint32_t send_next_;            // SND.NXT; goes back when we repeat.
  uint32_t send_highest_;         // The highest SND.NXT there was.
  uint32_t send_window_ = 0;
  uint32_t window_sequence_ = 0;         // SND.WL1
  uint32_t window_acknowledgment_ = 0;   // SND.WL2
  std::vector<uint8_t> unacknowledged_;  // From SND.UNA on, sent or not.
  bool is_fin_queued_ = false;

  uint32_t receive_next_ = 0;  // RCV.NXT
  std::vector<uint8_t> received_;
  uint16_t advertised_window_ = 0;
  bool is_ack_due_ = false;
  std::optional<uint32_t> reset_at_;  // A reset is due, with this sequence number.

  uint32_t segment_bytes_;
  CongestionWindow congestion_;
  RtoEstimator rto_;
  int retransmissions_ = 0;
  int duplicates_ = 0;
  uint32_t recover_until_;  // No second cut for losses of one flight.
  bool is_probe_due_ = false;
  Timestamp retransmit_at_ = Timestamp::never();
  Timestamp linger_until_ = Timestamp::never();  // FIN-WAIT-2, TIME-WAIT.
  std::optional<uint32_t> timed_sequence_;       // Its acknowledgment is a round trip sample.
  Timestamp timed_at_;
};

// write_reset_for() answers a segment that belongs to no connection (RFC 9293 §3.10.7.1). Empty for
// a reset.
std::span<uint8_t> write_reset_for(const PacketAddresses& reply, const TcpSegment& segment,
                                   std::span<uint8_t> out);

}  // namespace connlib::dns::tcp
