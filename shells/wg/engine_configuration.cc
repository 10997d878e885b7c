// The configuration half of Engine: what set and get of the UAPI mean.
#include <cerrno>
#include <utility>

#include "shells/wg/engine.h"

namespace connlib::wg {
namespace {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;

// RFC 7748 §5. A key is shown as it is used.
KeyBytes clamped(const KeyBytes& key) {
  KeyBytes out = key.clone();
  const auto bytes = out.mutable_bytes();
  bytes[0] = static_cast<uint8_t>(bytes[0] & 248);
  bytes[31] = static_cast<uint8_t>((bytes[31] & 127) | 64);
  return out;
}

}  // namespace

int Engine::apply(Timestamp now, const SetRequest& request) {
  if (request.private_key) set_private_key(now, *request.private_key);
  if (request.replace_peers) remove_all_peers();
  for (const SetPeer& change : request.peers) {
    if (const int error = apply_peer(now, change); error != 0) return error;
  }
  return 0;
}

void Engine::set_private_key(Timestamp now, const KeyBytes& key) {
  const bool is_set = !key.is_zero();
  KeyBytes next = clamped(key);
  if (!is_set) random_->fill(next.mutable_bytes());
  // Setting the same key again must not cost the sessions.
  if (is_set == has_private_key_ && (!is_set || next == device_.private_key())) return;
  has_private_key_ = is_set;
  for (const PeerId removed : device_.set_private_key(now, next)) forget_peer(removed);
  tracer_->trace(TraceLevel::kDebug, "wg", is_set ? "private key set" : "private key removed");
}

int Engine::apply_peer(Timestamp now, const SetPeer& change) {
  std::optional<PeerId> id = device_.find_peer(change.public_key);
  if (change.remove) {
    if (id) remove_peer(*id);
    return 0;
  }
  if (!id) {
    // Neither is an error for wg(8): one configuration file may serve all members of a mesh.
    if (change.update_only || change.public_key == device_.public_key()) return 0;
    if (const int error = add_peer(now, change, id.emplace()); error != 0) return error;
  } else if (change.preshared_key) {
    device_.set_preshared_key(*id, change.preshared_key->clone());
  }
  if (change.endpoint) peer(*id).endpoint = *change.endpoint;
  if (change.replace_allowed_ips) allowed_ips_.remove_all(*id);
  for (const AllowedIpChange& allowed : change.allowed_ips) {
    if (!allowed.is_removal) {
      if (!allowed_ips_.insert(allowed.prefix, *id)) return ENOMEM;
    } else if (const PeerId* owner = allowed_ips_.find_exact(allowed.prefix);
               owner != nullptr && *owner == *id) {
      allowed_ips_.remove(allowed.prefix);
    }
  }
  if (change.persistent_keepalive_seconds) {
    peer(*id).keepalive_seconds = *change.persistent_keepalive_seconds;
    apply_keepalive(now, *id);
  }
  return 0;
}

int Engine::add_peer(Timestamp now, const SetPeer& change, PeerId& id) {
  wireguard::PresharedKey preshared_key;
  if (change.preshared_key) preshared_key = change.preshared_key->clone();
  const auto added = device_.add_peer(now, change.public_key, std::move(preshared_key),
                                      {.inner_mtu = options_.inner_mtu});
  if (!added.ok()) return absl::IsResourceExhausted(added.status()) ? ENOSPC : EINVAL;
  id = *added;
  if (id.value() >= peers_.size()) peers_.resize(size_t{id.value()} + 1);
  peers_[id.value()] = std::make_unique<Peer>(staging_);
  return 0;
}

void Engine::remove_peer(PeerId id) {
  device_.remove_peer(id);
  forget_peer(id);
}

void Engine::forget_peer(PeerId id) {
  allowed_ips_.remove_all(id);
  peers_[id.value()].reset();
}

void Engine::remove_all_peers() {
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]) remove_peer(PeerId(static_cast<uint32_t>(i)));
  }
}

void Engine::apply_keepalive(Timestamp now, PeerId id) {
  const Duration interval = std::chrono::seconds(is_up_ ? peer(id).keepalive_seconds : 0);
  if (device_.tunnel(id).persistent_keepalive() != interval) {
    device_.set_persistent_keepalive(now, id, interval);
  }
}

void Engine::set_up(Timestamp now, bool is_up) {
  if (is_up == is_up_) return;
  is_up_ = is_up;
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i]) continue;
    const PeerId id(static_cast<uint32_t>(i));
    if (!is_up) {
      device_.forget_sessions(id);
      drops_.unstaged += peers_[i]->staged.size();
      peers_[i]->staged.clear();
    }
    apply_keepalive(now, id);
  }
}

void Engine::set_inner_mtu(size_t bytes) {
  options_.inner_mtu = bytes;
  device_.set_inner_mtu(bytes);
}

// --- get

void Engine::describe(Timestamp now, absl::Time date, const InterfaceState& interface,
                      std::string& out) const {
  InterfaceState state{.private_key = std::nullopt,
                       .listen_port = interface.listen_port,
                       .fwmark = interface.fwmark};
  if (has_private_key_) state.private_key = device_.private_key();
  append_interface(state, out);
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i]) append_peer(describe_peer(now, date, PeerId(static_cast<uint32_t>(i))), out);
  }
}

PeerState Engine::describe_peer(Timestamp now, absl::Time date, PeerId id) const {
  const wireguard::Tunnel& tunnel = device_.tunnel(id);
  const wireguard::TunnelStats& stats = tunnel.stats();
  const Peer& peer = *peers_[id.value()];
  PeerState out;
  out.public_key = tunnel.remote().public_key;
  out.preshared_key = tunnel.remote().preshared_key.clone();
  out.endpoint = peer.endpoint;
  out.rx_bytes = stats.rx_bytes;
  out.tx_bytes = stats.tx_bytes;
  out.persistent_keepalive_seconds = peer.keepalive_seconds;
  allowed_ips_.for_each_of(id, [&](const IpPrefix& prefix) { out.allowed_ips.push_back(prefix); });
  if (!stats.last_handshake.is_never()) {
    // By age, so that a wall clock that was set since still gives the right "ago".
    const Duration age = now - stats.last_handshake;
    const int64_t at = absl::ToUnixNanos(date) - age.count();
    out.last_handshake_seconds = at / kNanosecondsPerSecond;
    out.last_handshake_nanoseconds = at % kNanosecondsPerSecond;
  }
  return out;
}

}  // namespace connlib::wg
