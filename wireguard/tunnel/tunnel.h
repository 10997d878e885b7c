#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <absl/container/inlined_vector.h>

#include "connlib/base/timer_table.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "wireguard/cookie/macs.h"
#include "wireguard/session/slots.h"
#include "wireguard/tunnel/drop.h"
#include "wireguard/tunnel/handshake_attempts.h"
#include "wireguard/tunnel/tunnel_timer.h"

namespace connlib::wireguard {

// TunnelConfig holds what a caller may set per peer; defaults are the protocol's (spec §2).
struct TunnelConfig {
  Duration rekey_attempt_time = 90s;  // Give up an unanswered handshake. 20 s over ICE.
  Duration rekey_timeout = 5s;        // Between initiations.
  // Likewise, of the first ones before there is a session: for who knows the path's round trip. It
  // must be longer than that. A responder keeps the keys of its latest answer only, so that one to
  // an earlier initiation leaves the two with different keys.
  Duration first_rekey_timeout = 5s;
  Duration keepalive_timeout = 10s;    // Passive keepalive.
  Duration persistent_keepalive = 0s;  // 0: off.
  uint64_t rekey_after_messages = kRekeyAfterMessages;
  size_t inner_mtu = 1420;  // Bytes. Padding never makes a packet longer than this.
  bool pads = true;         // To a multiple of 16 bytes (spec §10).
};

// TunnelMemory outlives a tunnel that is rebuilt for the same remote key: stamps we send must keep
// increasing and stamps we accepted must not be replayable (spec §6).
struct TunnelMemory {
  Tai64n last_sent;
  Tai64n last_accepted;
};

// TunnelStats count since creation. Byte counts are of datagrams, handshakes included.
struct TunnelStats {
  uint64_t tx_bytes = 0;
  uint64_t rx_bytes = 0;
  uint64_t tx_packets = 0;  // Data with content.
  uint64_t rx_packets = 0;
  uint64_t rx_messages = 0;           // Data messages that were opened, keepalives included.
  uint64_t rx_messages_expected = 0;  // Highest counter + 1, summed over all sessions.
  uint64_t handshakes_initiated = 0;  // Completed ones.
  uint64_t handshakes_answered = 0;
  Timestamp last_handshake = Timestamp::never();  // never(): none yet.
  Duration last_round_trip = 0ns;                 // Of the last handshake that we initiated.

  // rx_lost() estimates how many data messages were lost on their way to us (spec §18). One that
  // was overtaken counts until it arrives; what followed the last to arrive is not missed. A peer
  // that skips counters looks lossy, so nothing but a display should depend on it.
  uint64_t rx_lost() const { return rx_messages_expected - rx_messages; }
};

// ControlDatagram is a handshake message, cookie reply or keepalive: small, held by value.
class ControlDatagram {
 public:
  explicit ControlDatagram(size_t bytes) : size_(bytes) {}
  std::span<uint8_t> bytes() { return std::span(storage_).first(size_); }
  std::span<const uint8_t> bytes() const { return std::span(storage_).first(size_); }

 private:
  std::array<uint8_t, kInitiationBytes> storage_{};
  size_t size_;
};

enum class TunnelEvent : uint8_t {
  kReady,    // A session can send: flush what waits.
  kExpired,  // A handshake was given up, or 540 s passed without one. start_handshake() begins
             // anew.
};

// Tunnel is one peer: the control half of spec §9 to §12. Bytes and instants in; datagrams, events
// and a deadline out. It stores no endpoint and queues no packets: without a session seal() says so
// and the caller buffers and asks start_handshake().
class Tunnel {
 public:
  // Everything device-wide that a tunnel works with; it must outlive the tunnel.
  struct Environment {
    const DhKey& local;
    const WallClock& clock;
    IndexTable& indices;
    RandomSource& random;
    Tracer& tracer;
  };

  Tunnel(Environment environment, PeerId id, RemoteIdentity remote, TunnelConfig config,
         TunnelMemory memory, Timestamp now);

  // --- Handshake. The device has checked mac1 and load before these.

  // start_handshake() sends an initiation at once, or does nothing while one is pending.
  void start_handshake(Timestamp now);

  // Outcomes: nullopt when the message was right.
  std::optional<Drop> handle_initiation(Timestamp now, const Initiation& message,
                                        OpenedInitiation& opened);
  std::optional<Drop> handle_response(Timestamp now, const Response& message);
  std::optional<Drop> handle_cookie_reply(Timestamp now, const CookieReply& message);

  // --- Data.

  // sealed_bytes() is the datagram size for a packet: header, padding to 16 within the inner MTU,
  // tag.
  size_t sealed_bytes(size_t packet_bytes) const noexcept;

  // can_seal() says whether a new packet may be sealed (spec §9): no session, too old, used up: no.
  bool can_seal(Timestamp now) const noexcept;

  // seal() encrypts in place: `datagram` is sealed_bytes(packet_bytes) long and holds the packet at
  // offset kDataHeaderBytes. False, and nothing done, when there is no usable session.
  [[nodiscard]] bool seal(Timestamp now, std::span<uint8_t> datagram, size_t packet_bytes) noexcept;

  // open() authenticates and decrypts a data message in place. Empty span: a keepalive. The packet
  // borrows from `datagram`, cut to the length in its own IP header.
  std::variant<std::span<uint8_t>, Drop> open(Timestamp now, std::span<uint8_t> datagram) noexcept;

  // --- Time and outputs.
  void handle_timeout(Timestamp now);
  std::optional<ControlDatagram> poll_transmit();
  std::optional<TunnelEvent> poll_event();
  Wakeup poll_timeout() const;

  // next_timer() is poll_timeout() without queued output: when time alone changes something.
  Wakeup next_timer() const { return deadlines().next(); }
  bool has_output() const { return initiation_out_ || response_out_ || keepalive_out_; }

  // --- Configuration and inspection.
  void set_persistent_keepalive(Timestamp now, Duration interval);
  void set_preshared_key(PresharedKey key) { remote_.preshared_key = std::move(key); }
  void set_inner_mtu(size_t bytes) { config_.inner_mtu = bytes; }
  void set_first_rekey_timeout(Duration timeout) { config_.first_rekey_timeout = timeout; }

  // set_remote() replaces what depends on our static key after it changed; sessions are wiped.
  void set_remote(RemoteIdentity remote, Timestamp now);

  // forget_sessions() wipes keys and pending handshakes, as after `expired` but silently.
  void forget_sessions();

  const RemoteIdentity& remote() const { return remote_; }
  const TunnelMemory& memory() const { return memory_; }
  const TunnelStats& stats() const { return stats_; }
  Duration persistent_keepalive() const { return config_.persistent_keepalive; }
  PeerId id() const { return id_; }
  // session_indices() is by what the peer's data finds us.
  std::vector<SessionIndex> session_indices() const { return slots_.indices(); }

 private:
  void send_initiation(Timestamp now);
  std::optional<ControlDatagram> seal_keepalive();
  void push_event(TunnelEvent event);
  Duration repeat_after() const;
  void schedule_handshake(Timestamp now);
  void complete_handshake(Timestamp now);
  void end_handshake();
  void expire(Timestamp now, const char* why);
  bool run_due_timer(Timestamp now);
  TimerTable<TunnelTimer> deadlines() const;
  void run_timer(TunnelTimer timer, Timestamp now);
  Timestamp sending_ends(const Session& session) const;
  Timestamp clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }
  void note_received(Timestamp now, size_t datagram_bytes);
  void note_sent(Timestamp now, size_t datagram_bytes);
  void trace(TraceLevel level, const char* what, uint32_t index = 0) const;

  Environment env_;
  PeerId id_;
  RemoteIdentity remote_;
  TunnelConfig config_;
  TunnelMemory memory_;
  TunnelStats stats_;
  CookieHolder cookies_;
  SessionSlots slots_;

  HandshakeAttempts attempts_;
  Timestamp last_initiation_ = Timestamp::never();      // Sent; never(): none yet.
  Timestamp initiation_accepted_ = Timestamp::never();  // From the peer; flood limit.
  Timestamp scheduled_ = Timestamp::never();            // Handshake due, jitter included.

  Timestamp key_age_start_;                                  // Last session, or creation.
  Timestamp first_sent_unanswered_ = Timestamp::never();     // Data sent, nothing heard since.
  Timestamp last_received_unanswered_ = Timestamp::never();  // Data received, nothing sent since.
  Timestamp last_traffic_;                                   // Authenticated, either direction.

  Timestamp last_now_;
  std::unique_ptr<ControlDatagram> initiation_out_;
  std::unique_ptr<ControlDatagram> response_out_;
  bool keepalive_out_ = false;  // Sealed when polled, and not at all if data went first.
  absl::InlinedVector<TunnelEvent, 2> events_;
};

}  // namespace connlib::wireguard
