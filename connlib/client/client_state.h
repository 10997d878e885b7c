#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include "connlib/base/datagram_run.h"
#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "connlib/client/authorizations.h"
#include "connlib/client/candidate_outbox.h"
#include "connlib/client/client_event.h"
#include "connlib/client/connecting_buffers.h"
#include "connlib/client/decision_cache.h"
#include "connlib/client/held_packets.h"
#include "connlib/client/introduction.h"
#include "connlib/client/known_gateways.h"
#include "connlib/client/packet_fate.h"
#include "connlib/client/peers.h"
#include "connlib/client/pending_authorizations.h"
#include "connlib/client/resource_list.h"
#include "connlib/client/routes.h"
#include "connlib/client/site_statuses.h"
#include "connlib/client/tracked.h"
#include "connlib/dns/resolver.h"
#include "connlib/nat/client_nat.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/portal/to_client.h"
#include "snownet/node/node.h"

namespace connlib::client {

// ClientState is a client's tunnel without IO: it decides which packet belongs to which resource,
// asks the portal for what is missing, and keeps connections to those who serve it (spec tunnel 2).
// A thin facade: what it knows lives in the nouns of this folder, what it does to packets on the
// network lives in snownet::node.
//
// After every input drain poll_event(), poll_packet() and poll_transmit(), and call
// handle_timeout() at poll_timeout(). Thread-compatible.
class ClientState {
 public:
  // `date` is the wall clock at `now`. `random` and `tracer` outlive this; equal seeds and inputs
  // give equal outputs.
  ClientState(const snownet::node::NodeOptions& options, absl::Time date, RandomSource& random,
              Tracer& tracer, Timestamp now);

  // --- The portal.
  void handle_portal_message(Timestamp now, portal::ToClient message);
  void handle_portal_connected(Timestamp now) { handle_portal(now, true); }
  void handle_portal_disconnected(Timestamp now) { handle_portal(now, false); }

  // --- The user and the operating system.
  void want_internet(Timestamp now, bool is_wanted);
  void handle_system_resolvers(Timestamp now, std::span<const IpAddress> servers);
  // The network changed: another default route, a woken machine.
  void reset(Timestamp now);
  // Says goodbye to everybody. Flush transmits for up to a second afterwards.
  void shut_down(Timestamp now);

  // --- Packets.

  // handle_tun_packet() takes one packet of an application, which it may edit. kSent: it lies
  // sealed in `run`. kRunMismatch: send the run, clear it and call again.
  Fate handle_tun_packet(Timestamp now, std::span<uint8_t> packet, DatagramRun& run);

  // open_run() is for packets of one flow, as one super-packet gives them: decided once, sealed in
  // place by seal(). nullopt: hand each to handle_tun_packet() instead.
  std::optional<snownet::node::OutboundRoute> open_run(Timestamp now, std::span<uint8_t> first);
  size_t datagram_bytes(const snownet::node::OutboundRoute& route, size_t packet_bytes) const {
    return node_.datagram_bytes(route, packet_bytes);
  }
  [[nodiscard]] bool seal(Timestamp now, const snownet::node::OutboundRoute& route,
                          std::span<uint8_t> datagram, size_t packet_bytes) {
    return node_.seal(now, route, datagram, packet_bytes);
  }

  // handle_datagrams() takes one receive from the network (segment_bytes as GRO gives it, 0 for one
  // datagram) and calls `deliver` with what is for the TUN. `deliver` must not call back.
  void handle_datagrams(Timestamp now, const SocketAddress& local, const SocketAddress& from,
                        size_t segment_bytes, std::span<uint8_t> bytes,
                        absl::FunctionRef<void(std::span<uint8_t>)> deliver);

  // --- Time and outputs.
  void handle_timeout(Timestamp now);
  std::optional<ClientEvent> poll_event();
  std::optional<std::vector<uint8_t>> poll_packet();  // For the TUN.
  std::optional<snownet::node::Transmit> poll_transmit();
  // For servers outside the tunnel; each is answered by handle_dns_result().
  std::optional<dns::Resolver::OutsideQuery> poll_dns_query() {
    return names_.poll_outside_query();
  }
  void handle_dns_result(Timestamp now, const dns::QueryResult& result);
  [[nodiscard]] Wakeup poll_timeout();

  // --- Inspection.
  const PublicKey& public_key() const { return node_.public_key(); }
  const snownet::node::Node& node() const { return node_; }
  const FateCounters& outbound() const { return outbound_; }
  const FateCounters& inbound() const { return inbound_; }

 private:
  using PeerId = snownet::node::PeerId;
  // Where a packet goes, or why it goes nowhere now.
  using Decision = std::variant<Peer*, Fate>;

  Timestamp clamp(Timestamp now) { return last_now_ = std::max(last_now_, now); }
  portal::FromClient request(const AuthorizationKey& key) const;
  static portal::FromClient to_message(CandidateBatch batch);
  void push_event(ClientEvent event);
  void push_packet(std::span<const uint8_t> packet);
  void finish(Timestamp now);  // Ends every input: what the parts said is acted upon.

  // What the portal says: client_portal.cc.
  void handle_portal(Timestamp now, bool is_connected);
  template <typename Message>
  void handle(Timestamp now, Message& message);

  // Resources and what follows from their changes: client_resources.cc.
  void apply(Timestamp now, const ResourceChange& change);
  void install(const ClientResource& resource);
  void withdraw(Timestamp now, const ClientResource& resource);
  void edit_pool(const StaticDevicePool& before, const StaticDevicePool& after);
  void revoke(Timestamp now, const ResourceId& resource);
  void update_internet(Timestamp now);
  void leave(Timestamp now, const GatewayId& gateway, const ResourceId& resource);
  void set_interface(Timestamp now, portal::InterfaceConfig interface);
  void refresh_views();

  // Peers: client_peers.cc.
  Peer* connect(Timestamp now, Introduction introduction);
  void allow_sources(Peer& peer, const Resource& resource);
  void close(Timestamp now, const PeerName& name);
  void lose(const PeerName& name);
  void drain_node(Timestamp now);
  void handle_established(Timestamp now, PeerId id);
  void take_candidates(Timestamp now, const PeerName& name, portal::CandidateChange change,
                       std::span<const portal::CandidateLine> lines);
  void release(Timestamp now, const ResourceId& resource, PendingAuthorizations::Waiting waiting);
  Timestamp instant_of(absl::Time date) const;

  // Packets: client_packets.cc.
  Decision decide(Timestamp now, IpPacket& packet);
  Decision decide_error(Timestamp now, IpPacket& packet);
  Decision decide_route(Timestamp now, IpPacket& packet, const Protocol& protocol);
  Decision decide_device(Timestamp now, IpPacket& packet, const Route& route);
  Decision decide_gateway(Timestamp now, IpPacket& packet, const Protocol& protocol,
                          const Route& route);
  // Changes with whatever a decision for a gateway depends on.
  uint64_t version() const {
    return routes_.version() + authorizations_.version() + peers_.version() + nat_.version();
  }
  Decision reject(const IpPacket& packet);
  Fate send(Timestamp now, Peer& peer, std::span<const uint8_t> packet, DatagramRun& run);
  Fate seal_own(Timestamp now, Peer& peer, std::span<const uint8_t> packet);
  void send_own(Timestamp now, Peer& peer, std::span<const uint8_t> packet);
  void replay(Timestamp now, std::span<uint8_t> packet);

  // Names and their translation: client_names.cc.
  Decision take_dns(Timestamp now, IpPacket& packet);
  void settle_names(Timestamp now);
  void handle_answered(Timestamp now, const dns::Assignment& assignment);
  void lead_to(const ResourceId& id, const dns::Assignment& assignment, std::string_view pattern);
  void translate(Timestamp now, const ResourceId& id, const dns::Assignment& assignment);
  void translate_all(Timestamp now, const ResourceId& id);
  nat::ClientNat::Verdict ask_translation(Timestamp now, const IpPacket& packet,
                                          const GatewayId& gateway, const ResourceId& resource);
  const std::string& domain_of(const dns::Assignment& assignment);
  void update_tunnelled_servers();

  // Packets from the network: client_network.cc.
  Fate admit(Timestamp now, PeerId from, std::span<uint8_t> packet);
  Fate admit_from_gateway(Timestamp now, Peer& peer, IpPacket& packet);
  Fate admit_from_client(Timestamp now, Peer& peer, IpPacket& packet);
  void note_prohibited(PeerId from, IpPacket& packet);
  Fate put_aside(PeerId from, std::span<const uint8_t> packet);
  void act_on_arrivals(Timestamp now);
  void handle_control(Timestamp now, Peer& peer, std::span<const uint8_t> packet);
  void ask_again(Timestamp now, IpPacket& error);
  void answer_prohibited(Timestamp now, Peer& peer, const IpPacket& packet);

  Tracer& tracer_;
  SeededRandom random_;  // For jitter; keys are drawn from the caller's.
  snownet::node::Node node_;
  absl::Time date_;
  Timestamp started_at_;
  Timestamp last_now_;

  std::optional<portal::InterfaceConfig> interface_;
  std::optional<TunnelAddresses> addresses_;
  ResourceList resources_;
  Routes routes_;
  SiteStatuses sites_;
  Authorizations authorizations_;
  PendingAuthorizations pending_;
  KnownGateways known_gateways_;
  Peers peers_;
  DecisionCache decided_;
  ConnectingBuffers connecting_;
  CandidateOutbox candidates_;
  dns::Resolver names_;
  nat::ClientNat nat_;
  HeldPackets held_{nat::kHeldPacketsPerDomain};
  std::vector<std::string> domains_;  // As text, by index of the assignment.
  std::vector<IpAddress> tunnelled_servers_;
  std::optional<ResourceId> active_internet_;
  std::set<ResourceId> noticed_;  // Told to the user already.
  bool are_views_stale_ = true;

  // Packets that the node was delivering when we learnt that they want an action.
  struct Arrival {
    PeerId from;
    std::vector<uint8_t> packet;
  };
  std::vector<Arrival> arrivals_;

  Tracked<TunConfig> tun_config_;
  Tracked<ResourceReport> report_;
  std::deque<ClientEvent> events_;
  std::deque<std::vector<uint8_t>> packets_;
  std::deque<snownet::node::Transmit> transmits_;
  FateCounters outbound_;
  FateCounters inbound_;
};

}  // namespace connlib::client
