#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include "connlib/base/datagram_run.h"
#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "snownet/node/check_memory.h"
#include "snownet/node/connection_table.h"
#include "snownet/node/event_queue.h"
#include "snownet/node/inbound.h"
#include "snownet/node/node_observer.h"
#include "snownet/node/node_options.h"
#include "snownet/node/outbound.h"
#include "snownet/node/parking.h"
#include "snownet/node/recently_disconnected.h"
#include "snownet/node/relay_set.h"
#include "snownet/node/reset_kind.h"
#include "snownet/node/transmit_queue.h"
#include "wireguard/tunnel/device.h"

namespace connlib::snownet::node {

// What upsert_connection() did. The second line are refusals, and nothing has changed then.
enum class Upserted : uint8_t {
  kCreated,
  kReused,
  kReplaced,
  kNoRelays,
  kInvalidKey,
  kConflict,
  kTooMany,
};
constexpr bool is_refusal(Upserted outcome) { return outcome >= Upserted::kNoRelays; }

// Node turns "the portal authorized this peer" into an encrypted path over UDP: it keeps an
// allocation per relay, an ICE agent and a WireGuard tunnel per connection, and what lies between
// them (snownet §1). One per process; thread-compatible.
//
// `local` is always the address a datagram arrived at, never a wildcard: host candidates are
// learned from it.
class Node {
 public:
  // `random` gives the private key and everything else that is drawn: equal streams and inputs give
  // equal outputs. `date` is the wall clock at `now`. `random` and `tracer` must outlive the node.
  Node(NodeOptions options, absl::Time date, RandomSource& random, Tracer& tracer, Timestamp now);
  ~Node();

  // --- Connections.

  // upsert_connection() creates a connection, finds it again (it signals all its candidates anew
  // then), or replaces it when key, preshared key, credentials or role differ. kNoRelays: no relay
  // has answered yet, or any more. kConflict: another peer has that key or those credentials.
  Upserted upsert_connection(Timestamp now, PeerId peer, ConnectionOptions options);
  // Both take one candidate line of the peer. What cannot be read is dropped; what comes before the
  // connection is kept for a moment.
  void add_remote_candidate(Timestamp now, PeerId peer, std::string_view line);
  void remove_remote_candidate(Timestamp now, PeerId peer, std::string_view line);
  // close_connection() says goodbye to the peer and gives Closed; one that still connects goes
  // silently. remove_connection() gives and sends nothing.
  void close_connection(Timestamp now, PeerId peer);
  void close_all(Timestamp now);
  void remove_connection(Timestamp now, PeerId peer);

  // --- Relays and the network.

  // update_relays() removes, adds and renews relays (snownet §5.1). One that is in neither list is
  // asked whether it still lives.
  void update_relays(Timestamp now, std::span<const RelayId> removed,
                     std::span<const RelayListing> listed);
  // reset() is for a change of network: relays start over, connections are closed, the key changes.
  // Unless a relay confirms within a second that nothing has changed; then everything stays.
  void reset(Timestamp now, ResetKind kind = ResetKind::kUnlessFalseAlarm);

  // --- Packets from the network.

  // handle_datagram() takes one datagram and works in place.
  Inbound handle_datagram(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                          std::span<uint8_t> datagram);
  // handle_datagrams() takes a run: `bytes` cut every `segment_bytes` (0: one datagram), as one GRO
  // receive gives them. `deliver` must not call the node.
  void handle_datagrams(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                        size_t segment_bytes, std::span<uint8_t> bytes,
                        absl::FunctionRef<void(const Delivered&)> deliver);

  // --- Packets to the network.

  // open_run() looks up how packets to `peer` leave, once per run. It counts as activity.
  std::variant<OutboundRoute, SendFailure> open_run(Timestamp now, PeerId peer);
  // datagram_bytes() is the datagram's size for a packet: framing, header, padding, tag.
  size_t datagram_bytes(const OutboundRoute& route, size_t packet_bytes) const;
  // seal() encrypts in place: `datagram` is datagram_bytes() long and holds the packet at
  // route.packet_offset(). False, and nothing done: too large, keys used up, or a stale route.
  [[nodiscard]] bool seal(Timestamp now, const OutboundRoute& route, std::span<uint8_t> datagram,
                          size_t packet_bytes);
  // queue_packet() keeps a packet that open_run() refused with kNoSession. False: too many wait.
  bool queue_packet(Timestamp now, PeerId peer, std::span<const uint8_t> packet);
  // encapsulate() copies one packet into `run`, sealed, and queues it where it must wait. An empty
  // run is aimed first.
  std::variant<Encapsulated, SendFailure> encapsulate(Timestamp now, PeerId peer,
                                                      std::span<const uint8_t> packet,
                                                      DatagramRun& run);

  // --- Time and outputs.
  void handle_timeout(Timestamp now);
  std::optional<Transmit> poll_transmit();  // What is for relays comes first.
  std::optional<NodeEvent> poll_event();
  [[nodiscard]] Wakeup poll_timeout();

  // --- Inspection.
  const PublicKey& public_key() const { return device_->public_key(); }
  size_t connection_count() const { return connections_.size(); }
  bool is_connected(PeerId peer) const;
  std::optional<ConnectionState> state(PeerId peer) const;
  std::optional<PeerId> peer_with(const PublicKey& key) const;
  std::optional<PathKind> path_kind(PeerId peer) const;
  const ice::IceAgent* agent(PeerId peer) const;
  const ConnectionStatistics* statistics(PeerId peer) const;
  const ByPathKind<size_t>& connections_by_path() const { return by_path_; }
  std::span<const Relay> relays() const { return relays_.all(); }
  uint64_t dropped_events() const { return events_.dropped(); }
  const std::array<uint64_t, kDrops>& drops() const { return drops_; }
  const std::array<uint64_t, kSendFailures>& send_failures() const { return send_failures_; }
  const wireguard::Device& device() const { return *device_; }

 private:
  // Where something arrived: `relay` is ours that passed it on.
  struct Arrival {
    ice::Path path;
    std::optional<RelaySerial> relay;
  };
  Timestamp clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }
  void observe(Timestamp now, const NodeInput& input) {
    if (options_.observer != nullptr) options_.observer->observe_input(now, input);
  }

  // Connections: node.cc.
  void reuse(Timestamp now, Connection& connection);
  void create(Timestamp now, PeerId peer, const ConnectionOptions& options,
              wireguard::PeerId tunnel, RelaySerial relay);
  void forget(Timestamp now, Connection& connection);
  void close(Timestamp now, Connection& connection);
  void create_device();
  void reset_fully(Timestamp now);

  // Candidates and relays: node_relays.cc.
  void seed(Timestamp now, Connection& connection);
  void seed_relayed(Timestamp now, Connection& connection);
  void resignal(const Connection& connection);
  void add_local(Timestamp now, Connection& connection, const ice::Candidate& candidate);
  void signal(const Connection& connection, const ice::Candidate& candidate);
  void take_remote_line(Timestamp now, Connection& connection, std::string_view line);
  void bind_channel(Timestamp now, const Connection& connection, const ice::Candidate& remote);
  void bind_channels(Timestamp now, const Connection& connection);
  void drain_relays(Timestamp now);
  void drain_transmits(turn::Allocation& allocation);
  void handle_relay_event(Timestamp now, Relay& relay, const turn::AllocationEvent& event);
  void note_discovered(Timestamp now, Relay& relay, const turn::AddressDiscovered& found);
  void remove_relayed(Timestamp now, const SocketAddress& relayed);
  void dismiss(Timestamp now, turn::Allocation& allocation);
  void move_from(RelaySerial relay);
  void settle_homeless(Timestamp now);
  void improve_relays(Timestamp now);
  void move_to(Timestamp now, Connection& connection, RelaySerial relay);
  void note_relay_answer(const Relay& relay, const SocketAddress& local);

  // Packets: node_inbound.cc, node_outbound.cc.
  Inbound handle_one(Timestamp now, Relay* relay, const Arrival& arrival, std::span<uint8_t> bytes);
  Inbound handle_from_relay(Timestamp now, Relay& relay, const Arrival& arrival,
                            std::span<uint8_t> bytes);
  Inbound handle_from_peer(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes);
  Inbound handle_check(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes);
  Inbound handle_wireguard(Timestamp now, const Arrival& arrival, std::span<uint8_t> bytes);
  void finish(Timestamp now);
  Inbound drop(Drop why);
  SendFailure refuse(SendFailure why);
  bool send(Timestamp now, const Arrival& path, std::span<const uint8_t> bytes);
  void send_check(Timestamp now, Connection& connection, const ice::Transmit& transmit);
  void send_message(Timestamp now, Connection& connection, std::span<const uint8_t> message);
  bool send_packet(Timestamp now, const Connection& connection, std::span<const uint8_t> packet);
  std::optional<OutboundRoute> route_of(Timestamp now, const Connection& connection);

  // Agents, tunnels and time: node_time.cc.
  void settle(Timestamp now, Connection& connection);
  void select(Timestamp now, Connection& connection, const ice::Path& path);
  void note_path_kind(Connection& connection);
  void collect_relays(Timestamp now);
  void drain_device(Timestamp now, const Arrival* arrival);
  void handle_tunnel_event(Timestamp now, const wireguard::DeviceEvent& event);
  void report_established(Connection& connection);
  PeerSocket via(const Connection& connection, const ice::Path& path);
  void remove_failed(Timestamp now);
  void take_step(Timestamp now);
  Wakeup next_timer();

  NodeOptions options_;
  RandomSource& random_;
  Tracer& tracer_;
  Timestamp started_at_;
  absl::Time date_;

  std::unique_ptr<wireguard::Device> device_;  // A new one for every key.
  RelaySet relays_;
  ConnectionTable connections_;
  std::vector<ConnectionRef> homeless_;  // Their relay is gone and not replaced yet.
  std::vector<ConnectionRef> failed_;    // To be reported and removed.
  Parking parking_;
  RecentlyDisconnected recent_;
  CheckMemory checks_;
  std::optional<Timestamp> reset_at_;  // While a reset may still turn out a false alarm.

  TransmitQueue relay_transmits_;
  TransmitQueue transmits_;
  EventQueue events_;
  ByPathKind<size_t> by_path_{};
  std::array<uint64_t, kDrops> drops_{};
  std::array<uint64_t, kSendFailures> send_failures_{};
  Timestamp last_now_;
};

}  // namespace connlib::snownet::node
