#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include "connlib/packet/coalescing.h"
#include "connlib/packet/segmentation.h"
#include "connlib/routing/prefix_table.h"
#include "shells/wg/send_runs.h"
#include "shells/wg/staged_packets.h"
#include "shells/wg/uapi.h"
#include "wireguard/tunnel/device.h"

namespace connlib::wg {

using wireguard::PeerId;

// EngineDrops count packets that the engine itself refused; the device counts its own.
struct EngineDrops {
  uint64_t no_route = 0;     // From the TUN, and no peer's allowed IPs hold the destination.
  uint64_t no_endpoint = 0;  // For a peer whose address is not known.
  uint64_t oversized = 0;    // Larger than any datagram.
  uint64_t unstaged = 0;     // Waited for a session and had to go.
  uint64_t source_not_allowed =
      0;  // From a peer, and the inner source is not among its allowed IPs.
};

struct EngineOptions {
  size_t inner_mtu = 1420;
  size_t send_runs = 32;  // 64 KiB each.
};

// Engine is a WireGuard interface without IO: cryptokey routing, endpoints, packets that wait for a
// session, and configuration, around a wireguard::Device. Packets from the TUN become outgoing();
// datagrams become groups for the TUN. The packet path allocates nothing. Thread-compatible.
class Engine {
 public:
  using WriteGroup = absl::FunctionRef<void(const Coalescer::Group&)>;

  // `random` and `tracer` must outlive the engine; `date` is the wall clock at `now`.
  Engine(EngineOptions options, Timestamp now, absl::Time date, RandomSource& random,
         Tracer& tracer);
  ~Engine();

  // --- From the TUN.

  // handle_packet() seals the segments of `packet` from `first` on. Returns how many are done:
  // fewer than packet.segments() when outgoing() is full; send and call again with that number.
  size_t handle_packet(Timestamp now, const SuperPacket& packet, size_t first = 0);

  // --- From the network.

  // handle_datagrams() opens datagrams in place: `bytes` cut every `segment_bytes`, all from
  // `remote` with one ECN mark. What is inside goes to coalescer(), which borrows `bytes` until
  // flush_groups(); when it is full it is flushed to `write` early.
  void handle_datagrams(Timestamp now, const SocketAddress& remote, Ecn ecn,
                        std::span<uint8_t> bytes, size_t segment_bytes, WriteGroup write);
  void flush_groups(WriteGroup write) { coalescer_.flush(write); }
  Coalescer& coalescer() { return coalescer_; }

  // --- Time and control traffic.

  // pump() runs due timers and moves handshakes, keepalives and staged packets to outgoing(). False
  // when that is full before all is done: send and call again.
  bool pump(Timestamp now);
  Wakeup poll_timeout() { return device_.poll_timeout(); }

  // What waits to be sent. Nothing else may fill it.
  SendRuns& outgoing() { return outgoing_; }

  // --- Configuration. Ports, marks and sockets are the caller's.

  // apply() makes the changes of `request`, in order; 0 or the errno of the first that failed, with
  // those before it done.
  int apply(Timestamp now, const SetRequest& request);

  // describe() appends the whole answer to a get, but for its result. The private key of
  // `interface` is filled in here. `date` is the wall clock at `now`.
  void describe(Timestamp now, absl::Time date, const InterfaceState& interface,
                std::string& out) const;

  // set_up() follows the interface: while down nothing is sent or accepted and no session exists.
  void set_up(Timestamp now, bool is_up);
  void set_inner_mtu(size_t bytes);

  size_t peer_count() const { return device_.peer_count(); }
  const EngineDrops& drops() const { return drops_; }
  const wireguard::Device& device() const { return device_; }

 private:
  struct Peer {
    explicit Peer(StagingBudget& budget) : staged(budget) {}
    std::optional<SocketAddress> endpoint;
    StagedPackets staged;
    uint16_t keepalive_seconds = 0;
    bool wants_flush = false;
  };

  Peer& peer(PeerId id) { return *peers_[id.value()]; }
  bool seal_segment(Timestamp now, PeerId id, const SocketAddress& to, const SuperPacket& packet,
                    size_t segment);
  void stage(PeerId id, const SuperPacket& packet, size_t first);
  bool flush_staged(Timestamp now, PeerId id);
  void handle_event(const wireguard::DeviceEvent& event);
  void queue(const wireguard::Transmit& transmit);
  void deliver(const wireguard::Delivered& delivered, Ecn ecn, WriteGroup write);
  void roam(PeerId id, const SocketAddress& remote);

  void set_private_key(Timestamp now, const KeyBytes& key);
  int apply_peer(Timestamp now, const SetPeer& change);
  int add_peer(Timestamp now, const SetPeer& change, PeerId& id);
  void remove_peer(PeerId id);
  void forget_peer(PeerId id);
  void remove_all_peers();
  void apply_keepalive(Timestamp now, PeerId id);
  PeerState describe_peer(Timestamp now, absl::Time date, PeerId id) const;

  EngineOptions options_;
  RandomSource* random_;
  Tracer* tracer_;
  wireguard::Device device_;
  bool has_private_key_ = false;
  bool is_up_ = true;
  routing::PrefixTable<PeerId> allowed_ips_;
  StagingBudget staging_;
  std::vector<std::unique_ptr<Peer>> peers_;  // By PeerId; null where a peer was removed.
  std::vector<PeerId> to_flush_;              // Peers that became ready and have staged packets.
  SendRuns outgoing_;
  Coalescer coalescer_;
  EngineDrops drops_;
};

}  // namespace connlib::wg
