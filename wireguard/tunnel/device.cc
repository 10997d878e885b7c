#include "wireguard/tunnel/device.h"

#include <utility>

#include <absl/strings/str_cat.h>

namespace connlib::wireguard {
namespace {

constexpr size_t kMaxQueuedCookieReplies = 1024;

}  // namespace

Device::Device(const PrivateKey& private_key, DeviceOptions options, Timestamp now, absl::Time date,
               RandomSource& random, Tracer& tracer)
    : options_(options),
      random_(&random),
      tracer_(&tracer),
      clock_(now, date),
      local_(private_key),
      mac_keys_(MacKeys::of(local_.public_key())),
      indices_(random),
      initiation_limiter_(options.limits),
      response_limiter_(options.limits),
      issuer_(local_.public_key(), random),
      last_now_(now) {}

// --- Peers

absl::StatusOr<PeerId> Device::add_peer(Timestamp now, const PublicKey& key,
                                        PresharedKey preshared_key, TunnelConfig config) {
  last_now_ = std::max(last_now_, now);
  if (key == local_.public_key()) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer ", to_text(key), " has our own public key"));
  }
  if (by_key_.contains(key)) return absl::AlreadyExistsError(absl::StrCat("peer ", to_text(key)));
  if (by_key_.size() >= options_.max_peers) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", options_.max_peers, " peers"));
  }
  auto remote = RemoteIdentity::create(local_, key, std::move(preshared_key));
  if (!remote) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer ", to_text(key), " has a low-order public key"));
  }
  uint32_t id = static_cast<uint32_t>(tunnels_.size());
  if (free_ids_.empty()) {
    tunnels_.emplace_back();
    is_touched_.push_back(false);
    touched_.reserve(tunnels_.size());
  } else {
    id = free_ids_.back();
    free_ids_.pop_back();
  }
  const auto memory = remembered_.find(key);
  tunnels_[id] = std::make_unique<Tunnel>(
      Tunnel::Environment{local_, clock_, indices_, *random_, *tracer_}, PeerId(id),
      std::move(*remote), config, memory == remembered_.end() ? TunnelMemory{} : memory->second,
      last_now_);
  by_key_.emplace(key, PeerId(id));
  touch(PeerId(id));
  return PeerId(id);
}

void Device::remove_peer(PeerId peer) {
  const uint32_t id = peer.value();
  const PublicKey key = tunnels_[id]->remote().public_key;
  remember(key, tunnels_[id]->memory());
  by_key_.erase(key);
  deadlines_.set(id, Timestamp::never());
  std::erase_if(events_, [peer](const DeviceEvent& event) { return event.peer == peer; });
  tunnels_[id].reset();
  free_ids_.push_back(id);
}

void Device::remember(const PublicKey& key, const TunnelMemory& memory) {
  if (remembered_.insert_or_assign(key, memory).second) remembered_order_.push_back(key);
  while (remembered_order_.size() > options_.remembered_peers) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
}

std::optional<PeerId> Device::find_peer(const PublicKey& key) const {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return std::nullopt;
  return it->second;
}

std::vector<PeerId> Device::set_private_key(Timestamp now, const PrivateKey& private_key) {
  last_now_ = std::max(last_now_, now);
  local_ = DhKey(private_key);
  mac_keys_ = MacKeys::of(local_.public_key());
  issuer_ = CookieIssuer(local_.public_key(), *random_);
  remembered_.clear();
  remembered_order_.clear();
  std::vector<PeerId> removed;
  for (auto& tunnel : tunnels_) {
    if (!tunnel) continue;
    const RemoteIdentity& old = tunnel->remote();
    auto remote = old.public_key == local_.public_key()
                      ? std::nullopt
                      : RemoteIdentity::create(local_, old.public_key, old.preshared_key.clone());
    if (remote) {
      touch(tunnel->id()).set_remote(std::move(*remote), last_now_);
    } else {
      removed.push_back(tunnel->id());
    }
  }
  for (const PeerId peer : removed) remove_peer(peer);
  return removed;
}

void Device::set_persistent_keepalive(Timestamp now, PeerId peer, Duration interval) {
  last_now_ = std::max(last_now_, now);
  touch(peer).set_persistent_keepalive(last_now_, interval);
}

void Device::set_preshared_key(PeerId peer, PresharedKey key) {
  touch(peer).set_preshared_key(std::move(key));
}

void Device::set_inner_mtu(size_t bytes) {
  for (auto& tunnel : tunnels_) {
    if (tunnel) tunnel->set_inner_mtu(bytes);
  }
}

// --- Packets

Inbound Device::drop(Drop why) {
  ++drops_[static_cast<size_t>(why)];
  return why;
}

Inbound Device::handle_datagram(Timestamp now, const std::optional<SocketAddress>& source,
                                std::span<uint8_t> datagram) {
  last_now_ = std::max(last_now_, now);
  const auto type = classify(datagram);
  if (!type) return drop(Drop::kUnknownType);
  switch (*type) {
    case MessageType::kData:
      return handle_data(last_now_, datagram);
    case MessageType::kCookieReply:
      return handle_cookie_reply(last_now_, datagram);
    case MessageType::kInitiation:
      return handle_initiation(last_now_, source, datagram);
    case MessageType::kResponse:
      return handle_response(last_now_, source, datagram);
  }
  return drop(Drop::kUnknownType);
}

// The load check (spec §4.2, §7) of a message whose mac1 is valid.
std::optional<Drop> Device::admit(Timestamp now, const std::optional<SocketAddress>& source,
                                  std::span<const uint8_t> datagram, HandshakeLimiter& limiter) {
  if (limiter.count(now, source ? source->ip : IpAddress())) return std::nullopt;
  if (!source) return Drop::kUnderLoad;
  if (issuer_.is_mac2_valid(now, *source, datagram)) {
    if (limiter.count_proven(now, source->ip)) return std::nullopt;
    return Drop::kUnderLoad;
  }
  if (cookie_replies_.size() < kMaxQueuedCookieReplies && limiter.take_cookie_reply(now)) {
    ControlDatagram reply(kCookieReplyBytes);
    issuer_.create_reply(now, *source, datagram, reply.bytes().first<kCookieReplyBytes>());
    cookie_replies_.push_back({*source, reply});
  }
  return Drop::kUnderLoad;
}

Inbound Device::handle_initiation(Timestamp now, const std::optional<SocketAddress>& source,
                                  std::span<const uint8_t> datagram) {
  const auto message = Initiation::parse(datagram);
  if (!message) return drop(Drop::kUnknownType);
  if (!is_mac1_valid(mac_keys_, datagram)) return drop(Drop::kBadMac1);
  if (const auto refused = admit(now, source, datagram, initiation_limiter_)) return drop(*refused);
  auto opened = open_initiation(local_, *message);
  if (!opened) return drop(Drop::kBadHandshake);
  const auto peer = find_peer(opened->remote_static);
  if (!peer) return drop(Drop::kUnknownPeer);
  if (const auto failed = touch(*peer).handle_initiation(now, *message, *opened))
    return drop(*failed);
  return Consumed{peer};
}

Inbound Device::handle_response(Timestamp now, const std::optional<SocketAddress>& source,
                                std::span<const uint8_t> datagram) {
  const auto message = Response::parse(datagram);
  if (!message) return drop(Drop::kUnknownType);
  if (!is_mac1_valid(mac_keys_, datagram)) return drop(Drop::kBadMac1);
  const auto peer = indices_.find(message->receiver);
  if (!peer) return drop(Drop::kUnknownIndex);
  if (const auto refused = admit(now, source, datagram, response_limiter_)) return drop(*refused);
  if (const auto failed = touch(*peer).handle_response(now, *message)) return drop(*failed);
  return Consumed{peer};
}

Inbound Device::handle_cookie_reply(Timestamp now, std::span<const uint8_t> datagram) {
  const auto message = CookieReply::parse(datagram);
  if (!message) return drop(Drop::kUnknownType);
  const auto peer = indices_.find(message->receiver);
  if (!peer) return drop(Drop::kUnknownIndex);
  if (const auto failed = touch(*peer).handle_cookie_reply(now, *message)) return drop(*failed);
  return Consumed{};
}

Inbound Device::handle_data(Timestamp now, std::span<uint8_t> datagram) {
  const auto header = DataHeader::parse(datagram);
  if (!header) return drop(Drop::kUnknownType);
  const auto peer = indices_.find(header->receiver);
  if (!peer) return drop(Drop::kUnknownIndex);
  const auto opened = touch(*peer).open(now, datagram);
  if (const auto* failed = std::get_if<Drop>(&opened)) return drop(*failed);
  const auto packet = std::get<std::span<uint8_t>>(opened);
  if (packet.empty()) return Consumed{peer};
  return Delivered{*peer, packet};
}

bool Device::seal(Timestamp now, PeerId peer, std::span<uint8_t> datagram, size_t packet_bytes) {
  last_now_ = std::max(last_now_, now);
  return touch(peer).seal(last_now_, datagram, packet_bytes);
}

void Device::start_handshake(Timestamp now, PeerId peer) {
  last_now_ = std::max(last_now_, now);
  touch(peer).start_handshake(last_now_);
}

// --- Time and outputs

Tunnel& Device::touch(PeerId peer) {
  const uint32_t id = peer.value();
  if (!is_touched_[id]) {
    is_touched_[id] = true;
    touched_.push_back(id);
  }
  return *tunnels_[id];
}

// Reads anew what touched tunnels want: once per batch, not once per packet.
void Device::settle() {
  for (const uint32_t id : touched_) {
    is_touched_[id] = false;
    Tunnel* tunnel = tunnels_[id].get();
    if (tunnel == nullptr) continue;
    deadlines_.set(id, tunnel->next_timer().at);
    while (const auto event = tunnel->poll_event()) events_.push_back({PeerId(id), *event});
    if (tunnel->has_output()) with_output_.push_back(id);
  }
  touched_.clear();
}

void Device::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  settle();
  while (deadlines_.next_at() <= last_now_) {
    touch(PeerId(deadlines_.next_id())).handle_timeout(last_now_);
    settle();
  }
}

std::optional<Transmit> Device::poll_transmit() {
  settle();
  while (!with_output_.empty()) {
    const uint32_t id = with_output_.front();
    Tunnel* tunnel = tunnels_[id].get();
    if (tunnel != nullptr && tunnel->has_output()) {
      if (const auto datagram = touch(PeerId(id)).poll_transmit())
        return Transmit{PeerId(id), *datagram};
    }
    with_output_.pop_front();
  }
  if (cookie_replies_.empty()) return std::nullopt;
  const Transmit reply = cookie_replies_.front();
  cookie_replies_.pop_front();
  return reply;
}

std::optional<DeviceEvent> Device::poll_event() {
  settle();
  if (events_.empty()) return std::nullopt;
  const DeviceEvent event = events_.front();
  events_.pop_front();
  return event;
}

Wakeup Device::poll_timeout() {
  settle();
  std::erase_if(with_output_,
                [this](uint32_t id) { return !tunnels_[id] || !tunnels_[id]->has_output(); });
  if (!with_output_.empty() || !cookie_replies_.empty() || !events_.empty()) {
    return {last_now_, "queued output"};
  }
  if (deadlines_.empty()) return Wakeup::none();
  Wakeup next = tunnel(PeerId(deadlines_.next_id())).next_timer();
  next.at = std::max(next.at, last_now_);
  return next;
}

}  // namespace connlib::wireguard
