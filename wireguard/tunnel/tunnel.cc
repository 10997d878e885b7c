#include "wireguard/tunnel/tunnel.h"

#include <cstring>
#include <utility>

#include "connlib/packet/ip_header.h"

namespace connlib::wireguard {
namespace {

constexpr Duration kMaxJitter = 333ms;                   // Spec §2: timer-driven initiations only.
constexpr Duration kInitiationSpacing = 20ms;            // Spec §2: accepted from one peer.
constexpr Duration kKeyWipeTime = 3 * kRejectAfterTime;  // Spec §2: 540 s.
constexpr size_t kPaddingMultiple = 16;
constexpr size_t kQuickInitiations = 8;  // Ours: then the peer is slow, or not there.

// The IP packet that `plaintext` begins with (spec §10 step 5); empty when there is none.
std::span<uint8_t> inner_packet(std::span<uint8_t> plaintext) noexcept {
  const size_t length = total_length(plaintext);
  return length <= plaintext.size() ? plaintext.first(length) : std::span<uint8_t>();
}

}  // namespace

Tunnel::Tunnel(Environment environment, PeerId id, RemoteIdentity remote, TunnelConfig config,
               TunnelMemory memory, Timestamp now)
    : env_(environment),
      id_(id),
      remote_(std::move(remote)),
      config_(config),
      memory_(memory),
      cookies_(remote_.public_key),
      key_age_start_(now),
      last_traffic_(now),
      last_now_(now) {}

void Tunnel::trace(TraceLevel level, const char* what, uint32_t index) const {
  env_.tracer.trace(level, "wireguard", what, {{"peer", id_.value()}, {"index", index}});
}

void Tunnel::push_event(TunnelEvent event) {
  if (events_.empty() || events_.back() != event) events_.push_back(event);
}

// --- Handshake

void Tunnel::start_handshake(Timestamp now) {
  now = clamp(now);
  if (attempts_.empty()) send_initiation(now);
}

void Tunnel::send_initiation(Timestamp now) {
  scheduled_ = Timestamp::never();
  // A rebuilt tunnel may stand within the rounding of its predecessor's last stamp (spec §6).
  const Tai64n stamp = std::max(env_.clock.stamp(now), memory_.last_sent.successor());
  IndexLease lease = env_.indices.lease(id_);
  ControlDatagram datagram(kInitiationBytes);
  auto pending = create_initiation(remote_, env_.local, lease.index(), stamp, env_.random,
                                   datagram.bytes().first<kInitiationBytes>());
  if (!pending) return;  // A low-order remote key; RemoteIdentity::create() refuses those.
  cookies_.stamp(now, datagram.bytes());
  memory_.last_sent = stamp;
  if (key_age_start_.is_never()) key_age_start_ = now;
  const SessionIndex index = lease.index();
  attempts_.add({std::move(*pending), std::move(lease), now});
  last_initiation_ = now;
  initiation_out_ = std::make_unique<ControlDatagram>(datagram);
  note_sent(now, kInitiationBytes);
  trace(TraceLevel::kDebug, "initiation created", index.value());
}

Duration Tunnel::repeat_after() const {
  const bool is_first = stats_.last_handshake.is_never() && attempts_.count() < kQuickInitiations;
  return is_first ? std::min(config_.first_rekey_timeout, config_.rekey_timeout)
                  : config_.rekey_timeout;
}

// Timer-driven initiations keep the minimum spacing and carry jitter (spec §12).
void Tunnel::schedule_handshake(Timestamp now) {
  Timestamp at = now;
  if (!last_initiation_.is_never()) at = std::max(at, last_initiation_ + repeat_after());
  scheduled_ = at + Duration(static_cast<int64_t>(
                        env_.random.below(static_cast<uint64_t>(kMaxJitter.count()) + 1)));
}

std::optional<Drop> Tunnel::handle_initiation(Timestamp now, const Initiation& message,
                                              OpenedInitiation& opened) {
  now = clamp(now);
  const auto stamp = open_timestamp(remote_, message, opened);
  if (!stamp) return Drop::kBadHandshake;
  if (*stamp <= memory_.last_accepted) return Drop::kReplayedTimestamp;
  if (!initiation_accepted_.is_never() && now - initiation_accepted_ < kInitiationSpacing) {
    return Drop::kFlood;
  }
  IndexLease lease = env_.indices.lease(id_);
  ControlDatagram datagram(kResponseBytes);
  const auto keys = create_response(remote_, opened, lease.index(), env_.random,
                                    datagram.bytes().first<kResponseBytes>());
  if (!keys) return Drop::kBadHandshake;
  cookies_.stamp(now, datagram.bytes());
  memory_.last_accepted = *stamp;
  initiation_accepted_ = now;
  note_received(now, kInitiationBytes);
  trace(TraceLevel::kDebug, "initiation answered", lease.index().value());
  slots_.add_responded(std::make_unique<Session>(std::move(lease), *keys, Role::kResponder, now));
  response_out_ = std::make_unique<ControlDatagram>(datagram);
  note_sent(now, kResponseBytes);
  return std::nullopt;
}

std::optional<Drop> Tunnel::handle_response(Timestamp now, const Response& message) {
  now = clamp(now);
  HandshakeAttempt* attempt = attempts_.find(message.receiver);
  if (attempt == nullptr) return Drop::kUnknownIndex;
  const auto keys = consume_response(remote_, env_.local, attempt->pending, message);
  if (!keys) return Drop::kBadHandshake;
  stats_.last_round_trip = now - attempt->sent;
  ++stats_.handshakes_initiated;
  slots_.add_initiated(
      std::make_unique<Session>(std::move(attempt->lease), *keys, Role::kInitiator, now));
  note_received(now, kResponseBytes);
  complete_handshake(now);
  // The responder may send only after it heard from us on the new session (spec §4.4).
  keepalive_out_ = true;
  return std::nullopt;
}

std::optional<Drop> Tunnel::handle_cookie_reply(Timestamp now, const CookieReply& message) {
  now = clamp(now);
  if (!cookies_.handle_reply(now, message)) return Drop::kBadCookieReply;
  stats_.rx_bytes += kCookieReplyBytes;
  trace(TraceLevel::kDebug, "cookie accepted", message.receiver.value());
  return std::nullopt;
}

void Tunnel::complete_handshake(Timestamp now) {
  end_handshake();
  key_age_start_ = now;
  stats_.last_handshake = now;
  push_event(TunnelEvent::kReady);
  trace(TraceLevel::kDebug, "session established", slots_.current()->lease.index().value());
}

void Tunnel::end_handshake() {
  attempts_.clear();
  scheduled_ = Timestamp::never();
}

void Tunnel::forget_sessions() {
  slots_.clear();
  end_handshake();
  cookies_.clear();
  key_age_start_ = Timestamp::never();
  first_sent_unanswered_ = Timestamp::never();
  last_received_unanswered_ = Timestamp::never();
  initiation_out_.reset();
  response_out_.reset();
  keepalive_out_ = false;
}

void Tunnel::expire(Timestamp now, const char* why) {
  forget_sessions();
  last_traffic_ = now;
  push_event(TunnelEvent::kExpired);
  trace(TraceLevel::kDebug, why);
}

void Tunnel::set_remote(RemoteIdentity remote, Timestamp now) {
  now = clamp(now);
  remote_ = std::move(remote);
  memory_ = {};  // A new static key of ours resets everything (spec §6).
  forget_sessions();
  key_age_start_ = now;
}

// --- Data

size_t Tunnel::sealed_bytes(size_t packet_bytes) const noexcept {
  size_t padded = packet_bytes;
  if (config_.pads) {
    padded = (packet_bytes + kPaddingMultiple - 1) / kPaddingMultiple * kPaddingMultiple;
    padded = std::max(packet_bytes, std::min(padded, config_.inner_mtu));
  }
  return kDataHeaderBytes + padded + kTagBytes;
}

// The initiator stops 10 s before the responder would refuse; the responder may not renew by age
// and so uses the session to its end (spec §9).
Timestamp Tunnel::sending_ends(const Session& session) const {
  return session.role == Role::kInitiator ? session.expires_at() - config_.keepalive_timeout
                                          : session.expires_at();
}

bool Tunnel::can_seal(Timestamp now) const noexcept {
  const Session* session = slots_.current();
  return session != nullptr && std::max(now, last_now_) < sending_ends(*session) &&
         session->send.next_counter() < kRejectAfterMessages;
}

bool Tunnel::seal(Timestamp now, std::span<uint8_t> datagram, size_t packet_bytes) noexcept {
  now = clamp(now);
  if (!can_seal(now) || datagram.size() < kDataMinBytes + packet_bytes) return false;
  Session& session = *slots_.current();
  const size_t padding = datagram.size() - kDataMinBytes - packet_bytes;
  std::memset(datagram.data() + kDataHeaderBytes + packet_bytes, 0, padding);
  if (!session.send.seal(datagram)) return false;
  note_sent(now, datagram.size());
  keepalive_out_ = false;
  if (packet_bytes > 0) {
    session.has_sent_data = true;
    ++stats_.tx_packets;
    if (first_sent_unanswered_.is_never()) first_sent_unanswered_ = now;
  }
  if (session.send.next_counter() >= config_.rekey_after_messages && attempts_.empty() &&
      scheduled_.is_never()) {
    schedule_handshake(now);
  }
  return true;
}

std::variant<std::span<uint8_t>, Drop> Tunnel::open(Timestamp now,
                                                    std::span<uint8_t> datagram) noexcept {
  now = clamp(now);
  const auto header = DataHeader::parse(datagram);
  Session* session = header ? slots_.find(header->receiver) : nullptr;
  if (session == nullptr) return Drop::kUnknownIndex;
  if (!session->is_alive(now)) return Drop::kSessionExpired;
  const uint64_t expected_before = session->receive.window().expected();
  const auto opened = session->receive.open(datagram);
  if (const auto* failure = std::get_if<OpenFailure>(&opened)) return drop_of(*failure);

  ++stats_.rx_messages;
  stats_.rx_messages_expected += session->receive.window().expected() - expected_before;
  note_received(now, datagram.size());
  slots_.note_heard(*session);
  if (slots_.confirm(*session)) {
    ++stats_.handshakes_answered;
    complete_handshake(now);
  }
  const auto plaintext = std::get<std::span<uint8_t>>(opened);
  if (plaintext.empty()) return plaintext;
  session->has_received_data = true;
  last_received_unanswered_ = now;
  const auto packet = inner_packet(plaintext);
  if (packet.empty()) return Drop::kMalformedInner;
  ++stats_.rx_packets;
  return packet;
}

void Tunnel::note_received(Timestamp now, size_t datagram_bytes) {
  stats_.rx_bytes += datagram_bytes;
  first_sent_unanswered_ = Timestamp::never();
  last_traffic_ = now;
}

void Tunnel::note_sent(Timestamp now, size_t datagram_bytes) {
  stats_.tx_bytes += datagram_bytes;
  last_received_unanswered_ = Timestamp::never();
  last_traffic_ = now;
}

// --- Time

void Tunnel::set_persistent_keepalive(Timestamp now, Duration interval) {
  now = clamp(now);
  const bool was_off = config_.persistent_keepalive == 0s;
  config_.persistent_keepalive = interval;
  // Somebody who turns it on wants the path open now, not an interval later.
  if (!was_off || interval == 0s) return;
  last_traffic_ = now;
  if (can_seal(now)) {
    keepalive_out_ = true;
  } else {
    start_handshake(now);
  }
}

// The table of spec §12 as data. The order of TunnelTimer is the order of evaluation.
TimerTable<TunnelTimer> Tunnel::deadlines() const {
  TimerTable<TunnelTimer> out;
  if (!scheduled_.is_never()) {
    out.set(TunnelTimer::kScheduledHandshake, scheduled_);
    return out;
  }
  out.set(TunnelTimer::kSessionExpiry, slots_.next_expiry());
  out.set(TunnelTimer::kCookieExpiry, cookies_.expires_at());
  if (!attempts_.empty()) {
    out.set(TunnelTimer::kAttemptOver, attempts_.began() + config_.rekey_attempt_time);
    out.set(TunnelTimer::kRetransmit, attempts_.last_sent() + repeat_after());
  } else {
    // An attempt in flight ends by itself, and with the same wipe.
    out.set(TunnelTimer::kKeyWipe, key_age_start_ + kKeyWipeTime);
    const Session* session = slots_.current();
    if (session != nullptr && session->role == Role::kInitiator) {
      if (session->has_sent_data)
        out.set(TunnelTimer::kRekeyByAge, session->created + kRekeyAfterTime);
      if (session->has_received_data) {
        out.set(TunnelTimer::kRekeyNearExpiry, session->created + kRejectAfterTime -
                                                   config_.keepalive_timeout -
                                                   config_.rekey_timeout);
      }
    }
    out.set(TunnelTimer::kUnanswered,
            first_sent_unanswered_ + (config_.keepalive_timeout + config_.rekey_timeout));
  }
  out.set(TunnelTimer::kPassiveKeepalive, last_received_unanswered_ + config_.keepalive_timeout);
  if (config_.persistent_keepalive > 0s) {
    out.set(TunnelTimer::kPersistentKeepalive, last_traffic_ + config_.persistent_keepalive);
  }
  return out;
}

void Tunnel::handle_timeout(Timestamp now) {
  now = clamp(now);
  while (run_due_timer(now)) {
  }
}

// Runs the first due row. Each action removes or moves its own deadline beyond `now`, so that
// even a very late call ends.
bool Tunnel::run_due_timer(Timestamp now) {
  const TimerTable<TunnelTimer> due = deadlines();
  for (size_t i = 0; i < static_cast<size_t>(TunnelTimer::kCount); ++i) {
    const auto timer = static_cast<TunnelTimer>(i);
    if (due.is_due(timer, now)) {
      run_timer(timer, now);
      return true;
    }
  }
  return false;
}

void Tunnel::run_timer(TunnelTimer timer, Timestamp now) {
  switch (timer) {
    case TunnelTimer::kScheduledHandshake:
      send_initiation(now);
      return;
    case TunnelTimer::kSessionExpiry:
      // Only the former initiator renews, or both ends would (spec §14).
      if (slots_.remove_expired(now) == SessionSlots::CurrentLost::kAsInitiator &&
          attempts_.empty()) {
        schedule_handshake(now);
      }
      return;
    case TunnelTimer::kCookieExpiry:
      cookies_.handle_timeout(now);
      return;
    case TunnelTimer::kKeyWipe:
      expire(now, "no handshake for three session lives");
      return;
    case TunnelTimer::kAttemptOver:
      expire(now, "handshake unanswered");
      return;
    case TunnelTimer::kRetransmit:
    case TunnelTimer::kRekeyByAge:
    case TunnelTimer::kRekeyNearExpiry:
    case TunnelTimer::kUnanswered:
      schedule_handshake(now);
      return;
    case TunnelTimer::kPassiveKeepalive:
      last_received_unanswered_ = Timestamp::never();
      keepalive_out_ = keepalive_out_ || can_seal(now);
      return;
    case TunnelTimer::kPersistentKeepalive:
      last_traffic_ = now;
      if (can_seal(now)) {
        keepalive_out_ = true;
      } else if (attempts_.empty()) {
        schedule_handshake(now);
      }
      return;
    case TunnelTimer::kCount:
      return;
  }
}

// --- Outputs

std::optional<ControlDatagram> Tunnel::seal_keepalive() {
  keepalive_out_ = false;
  ControlDatagram datagram(kDataMinBytes);
  if (!seal(last_now_, datagram.bytes(), 0)) return std::nullopt;
  return datagram;
}

std::optional<ControlDatagram> Tunnel::poll_transmit() {
  for (auto* waiting : {&response_out_, &initiation_out_}) {
    if (const auto datagram = std::exchange(*waiting, nullptr)) return *datagram;
  }
  if (keepalive_out_) return seal_keepalive();
  return std::nullopt;
}

std::optional<TunnelEvent> Tunnel::poll_event() {
  if (events_.empty()) return std::nullopt;
  const TunnelEvent event = events_.front();
  events_.erase(events_.begin());
  return event;
}

Wakeup Tunnel::poll_timeout() const {
  if (has_output() || !events_.empty()) return {last_now_, "queued output"};
  Wakeup next = next_timer();
  // A session-relative deadline may already lie in the past: the first send after 130 idle seconds.
  next.at = std::max(next.at, last_now_);
  return next;
}

}  // namespace connlib::wireguard
