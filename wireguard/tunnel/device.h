#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include "connlib/base/deadline_heap.h"
#include "connlib/base/ip.h"
#include "wireguard/cookie/handshake_limiter.h"
#include "wireguard/tunnel/tunnel.h"

namespace connlib::wireguard {

struct DeviceOptions {
  HandshakeLimits limits;
  size_t max_peers = 65536;
  size_t remembered_peers = 16384;  // Replay memory of removed peers; the oldest go first.
};

// Consumed: a right message without content. `peer` is set when it was authenticated as theirs;
// a cookie reply is not (it must not move endpoints, spec §5).
struct Consumed {
  std::optional<PeerId> peer;
};
// Delivered: an inner IP packet, borrowing from the datagram. Its source address is not yet
// checked.
struct Delivered {
  PeerId from;
  std::span<uint8_t> packet;
};
using Inbound = std::variant<Consumed, Delivered, Drop>;

// Transmit is one control datagram to send: to a peer, on whatever path the caller keeps for it, or
// to the address that provoked a cookie reply.
struct Transmit {
  std::variant<PeerId, SocketAddress> to;
  ControlDatagram datagram;
};

struct DeviceEvent {
  PeerId peer;
  TunnelEvent what{};
};

// Device is what the tunnels of one static key share (spec §18): the index table, peers by key, the
// cookie secret and the handshake limits. It finds the tunnel of each datagram and gives one clock
// for all of them. Thread-compatible: one owner. A PeerId that it is asked about must be of a peer
// that is there: after remove_peer() the number may be given to another one.
class Device {
 public:
  // `random` and `tracer` must outlive the device. `date` is the wall clock at `now`.
  Device(const PrivateKey& private_key, DeviceOptions options, Timestamp now, absl::Time date,
         RandomSource& random, Tracer& tracer);

  // --- Peers.

  // add_peer() fails with AlreadyExists, ResourceExhausted (max_peers) or InvalidArgument (own key,
  // low-order key).
  absl::StatusOr<PeerId> add_peer(Timestamp now, const PublicKey& key, PresharedKey preshared_key,
                                  TunnelConfig config);
  void remove_peer(PeerId peer);
  std::optional<PeerId> find_peer(const PublicKey& key) const;
  // Good until the peer is removed.
  const Tunnel& tunnel(PeerId peer) const { return *tunnels_[peer.value()]; }
  size_t peer_count() const { return by_key_.size(); }

  // set_private_key() changes who we are: all sessions are wiped, a peer with our own new key (and
  // one whose key is low-order) is removed and returned.
  std::vector<PeerId> set_private_key(Timestamp now, const PrivateKey& private_key);
  const PublicKey& public_key() const { return local_.public_key(); }
  PrivateKey private_key() const { return local_.private_key(); }

  // `interval` 0 turns it off. Turned on, it sends at once: a keepalive, or an initiation.
  void set_persistent_keepalive(Timestamp now, PeerId peer, Duration interval);
  // set_preshared_key() changes what handshakes mix in from here on, one on its way included;
  // sessions stay.
  void set_preshared_key(PeerId peer, PresharedKey key);
  // set_inner_mtu() is for the peers that are there; later ones bring theirs in TunnelConfig.
  void set_inner_mtu(size_t bytes);
  // See TunnelConfig; for the next initiation on.
  void set_first_rekey_timeout(PeerId peer, Duration timeout) {
    touch(peer).set_first_rekey_timeout(timeout);
  }

  // forget_sessions() wipes the peer's keys and pending handshakes, as when an interface goes down.
  void forget_sessions(PeerId peer) { touch(peer).forget_sessions(); }

  // --- Packets.

  // handle_datagram() takes one datagram from `source` (nullopt: unknown, then no cookie can be
  // issued) and works in place.
  Inbound handle_datagram(Timestamp now, const std::optional<SocketAddress>& source,
                          std::span<uint8_t> datagram);

  size_t sealed_bytes(PeerId peer, size_t packet_bytes) const {
    return tunnel(peer).sealed_bytes(packet_bytes);
  }
  bool can_seal(Timestamp now, PeerId peer) const {
    return tunnel(peer).can_seal(std::max(now, last_now_));
  }

  // seal(): see Tunnel::seal().
  [[nodiscard]] bool seal(Timestamp now, PeerId peer, std::span<uint8_t> datagram,
                          size_t packet_bytes);
  void start_handshake(Timestamp now, PeerId peer);

  // --- Time and outputs. poll_timeout() settles deadlines that packets moved since it was last
  // asked.
  void handle_timeout(Timestamp now);
  std::optional<Transmit> poll_transmit();
  std::optional<DeviceEvent> poll_event();
  Wakeup poll_timeout();

  const std::array<uint64_t, static_cast<size_t>(Drop::kCount)>& drops() const { return drops_; }
  size_t index_count() const { return indices_.size(); }

 private:
  std::optional<Drop> admit(Timestamp now, const std::optional<SocketAddress>& source,
                            std::span<const uint8_t> datagram, HandshakeLimiter& limiter);
  Inbound handle_initiation(Timestamp now, const std::optional<SocketAddress>& source,
                            std::span<const uint8_t> datagram);
  Inbound handle_response(Timestamp now, const std::optional<SocketAddress>& source,
                          std::span<const uint8_t> datagram);
  Inbound handle_cookie_reply(Timestamp now, std::span<const uint8_t> datagram);
  Inbound handle_data(Timestamp now, std::span<uint8_t> datagram);
  Inbound drop(Drop why);
  Tunnel& touch(PeerId peer);  // Marks its deadline and outputs as possibly changed.
  void settle();
  void remember(const PublicKey& key, const TunnelMemory& memory);

  DeviceOptions options_;
  RandomSource* random_;
  Tracer* tracer_;
  WallClock clock_;
  DhKey local_;
  MacKeys mac_keys_;
  IndexTable indices_;
  // Anybody can send initiations; a response has to name an index that only its path has seen. So
  // a flood of the former must not spend what the latter need: their limits are apart.
  HandshakeLimiter initiation_limiter_;
  HandshakeLimiter response_limiter_;
  CookieIssuer issuer_;

  std::vector<std::unique_ptr<Tunnel>> tunnels_;  // By PeerId; null where a peer was removed.
  std::vector<uint32_t> free_ids_;
  absl::flat_hash_map<PublicKey, PeerId> by_key_;  // Lookup only.
  absl::flat_hash_map<PublicKey, TunnelMemory> remembered_;
  std::deque<PublicKey> remembered_order_;

  DeadlineHeap deadlines_;
  std::vector<uint32_t> touched_;  // Ids whose deadline must be read anew.
  std::vector<bool> is_touched_;
  std::deque<uint32_t> with_output_;  // Ids that may have something to send, in order.
  std::deque<Transmit> cookie_replies_;
  std::deque<DeviceEvent> events_;
  Timestamp last_now_;
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops_{};
};

}  // namespace connlib::wireguard
