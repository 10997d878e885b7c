#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include "connlib/base/datagram_run.h"
#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "connlib/control/control_event.h"
#include "connlib/flow/flow_tracker.h"
#include "connlib/gateway/client_table.h"
#include "connlib/gateway/gateway_event.h"
#include "connlib/gateway/grant_clock.h"
#include "connlib/gateway/limits.h"
#include "connlib/gateway/reply_queue.h"
#include "connlib/gateway/resolutions.h"
#include "connlib/gateway/unroutable.h"
#include "connlib/portal/candidate_outbox.h"
#include "connlib/portal/to_gateway.h"
#include "snownet/node/node.h"

namespace connlib::gateway {

// GatewayRoute is how a run of packets leaves towards one client. Good until the next call that is
// not seal() or datagram_bytes().
struct GatewayRoute {
  snownet::node::OutboundRoute path;
  PeerId peer;
};

// GatewayState is the tunnel side of a gateway (spec tunnel 6): whom the portal authorized for
// what, names that clients reach by proxies, and every packet between clients and the TUN. What it
// was not told to allow it does not pass on, whatever a client sends.
//
// Sans-IO: thread-compatible, `now` never decreases. After any input poll the outputs, in any
// order.
class GatewayState {
 public:
  // As of Node: `random` and `tracer` outlive the state, `date` is the wall clock at `now`.
  GatewayState(snownet::node::NodeOptions options, absl::Time date, RandomSource& random,
               Tracer& tracer, Timestamp now);

  // --- The portal.
  void handle_portal_message(Timestamp now, const portal::ToGateway& message);
  // Meanwhile candidates are held; everything that was granted goes on.
  void handle_portal_connection(Timestamp now, bool is_connected);

  // --- The shell.
  // What a name leads to, both families together; nullopt when it could not be resolved. A name
  // without addresses is resolved, too. While sessions use it, it is resolved again after `ttl`,
  // the lowest of the answers; nullopt where nobody knows.
  void handle_resolution(Timestamp now, ResolutionId id,
                         std::optional<std::span<const IpAddress>> addresses,
                         std::optional<Duration> ttl = std::nullopt);
  // Flows are recorded while the portal has records uploaded, or while this is wanted.
  void want_flow_records(Timestamp now, bool is_wanted);
  void reset(Timestamp now);      // The network changed.
  void shut_down(Timestamp now);  // Says goodbye to everybody and forgets them.

  // --- Packets from the network.
  // handle_datagrams() takes a run, as Node does, and works in place. `to_tun` gets what is for the
  // TUN and must not call this object.
  void handle_datagrams(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                        size_t segment_bytes, std::span<uint8_t> bytes,
                        absl::FunctionRef<void(std::span<uint8_t>)> to_tun);

  // --- Packets from the TUN.
  // encapsulate() copies one packet into `run`, sealed; it may edit `packet` then.
  std::variant<snownet::node::Encapsulated, Unroutable> encapsulate(Timestamp now,
                                                                    std::span<uint8_t> packet,
                                                                    DatagramRun& run);
  // For runs of packets that one super-packet was cut into: where `packet`, one of them, goes; then
  // seal() each where it lies in its datagram, at route.path.packet_offset(). False: drop it.
  std::variant<GatewayRoute, Unroutable> open_run(Timestamp now, std::span<uint8_t> packet);
  size_t datagram_bytes(const GatewayRoute& route, size_t packet_bytes) const;
  [[nodiscard]] bool seal(Timestamp now, const GatewayRoute& route, std::span<uint8_t> datagram,
                          size_t packet_bytes);

  // --- Time and outputs.
  void handle_timeout(Timestamp now);
  std::optional<snownet::node::Transmit> poll_transmit();
  std::optional<GatewayEvent> poll_event();
  [[nodiscard]] Wakeup poll_timeout();

  // --- Inspection.
  const PublicKey& public_key() const { return node_.public_key(); }
  const snownet::node::Node& node() const { return node_; }
  size_t client_count() const { return clients_.size(); }
  const UnroutableCounters& unroutable() const { return unroutable_; }
  uint64_t dropped_replies() const { return replies_.dropped(); }
  const flow::FlowTracker& flows() const { return flows_; }

 private:
  // The portal: gateway_state.cc.
  void take(Timestamp now, const portal::GatewayInit& init);
  void take(Timestamp now, const portal::CreateAuthorization& authorization);
  void take(Timestamp now, const portal::ClientCandidates& candidates);
  void take(Timestamp now, const portal::RelaysPresence& relays);
  void take(Timestamp now, const portal::RejectAccess& rejected);
  void take(Timestamp now, const portal::GatewayResourceUpdated& updated);
  void take(Timestamp now, const portal::AccessExpiryUpdated& ignored);
  bool connect(Timestamp now, PeerId peer, const portal::CreateAuthorization& authorization);
  ClientOnGateway* settle(Timestamp now, const portal::CreateAuthorization& authorization);
  void dismiss_if_empty(Timestamp now, ClientOnGateway& client);
  void dismiss(Timestamp now, ClientOnGateway& client);
  void forget(ClientOnGateway& client);
  void answer(const ResolutionWaiter& waiter, control::DomainStatus::Status status);
  void finish(Timestamp now);
  void take(const snownet::node::CandidateAdded& added);
  void take(const snownet::node::CandidateRemoved& removed);
  void take(const snownet::node::Established& established);
  void take(const snownet::node::Failed& failed);
  void take(const snownet::node::Closed& closed);
  void take(const snownet::node::NoRelays& none);
  void take(const snownet::node::KeyChanged& changed);
  void forget_candidates(PeerId peer);
  void settle_recording(Timestamp now);

  // Packets: gateway_packets.cc.
  // Where a datagram travelled, seen from here.
  struct Outer {
    std::optional<SocketAddress> local;
    std::optional<SocketAddress> remote;  // Not known for packets that wait for new keys.
  };
  void take_from_client(Timestamp now, const snownet::node::Delivered& delivered,
                        const Outer& outer, absl::FunctionRef<void(std::span<uint8_t>)> to_tun);
  void take_control(Timestamp now, ClientOnGateway& client, std::span<const uint8_t> packet);
  void ask(Timestamp now, ResolutionWaiter waiter);
  void take_assignment(Timestamp now, ClientOnGateway& client, control::AssignedIps assigned);
  std::variant<ClientOnGateway*, Unroutable> client_for(const IpPacket& packet);
  std::optional<Unroutable> admit(Timestamp now, ClientOnGateway& client, IpPacket& packet,
                                  const Outer& outer);
  void record(Timestamp now, flow::Direction direction, const Admitted& admitted,
              const std::optional<flow::Sighting>& packet, const Outer& outer);
  std::variant<snownet::node::Encapsulated, Unroutable> encapsulate_error(Timestamp now,
                                                                          ClientOnGateway& client,
                                                                          const IpPacket& packet,
                                                                          DatagramRun& run);
  Unroutable refuse(Unroutable reason);
  void send(Timestamp now, PeerId peer, std::span<const uint8_t> packet);
  Timestamp clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }

  Tracer& tracer_;
  GrantClock clock_;
  snownet::node::Node node_;
  std::optional<TunnelAddresses> own_;  // Nothing is granted before the portal's first word.
  ClientTable clients_{kMaxClients};
  Resolutions resolutions_{{kMaxResolutions, kMaxResolutionsPerClient, kResolutionTimeout}};
  portal::CandidateOutbox<ClientId> candidates_{kMaxCandidatesPerClient};
  flow::FlowTracker flows_;
  portal::FlowLogConfig flow_logs_;  // By default, off.
  bool are_records_wanted_ = false;  // Whatever the portal says.

  ReplyQueue replies_{kMaxReplies};
  std::vector<PeerId> departed_;  // Said goodbye in the batch that is being handled.
  snownet::node::TransmitQueue transmits_;
  std::deque<GatewayEvent> events_;
  bool has_no_relays_ = false;  // And the portal has not been told.
  UnroutableCounters unroutable_;
  Timestamp last_now_;
};

}  // namespace connlib::gateway
