#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "snownet/node/node.h"
#include "tests/scenarios/peer/echo_log.h"
#include "tests/scenarios/peer/history.h"
#include "tests/scenarios/peer/node_tap.h"
#include "tests/scenarios/peer/pending_packets.h"
#include "tests/scenarios/peer/portal_link.h"
#include "tests/scenarios/peer/transfer.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {

enum class Side : uint8_t { kClient, kGateway };

// While a packet waits the portal is asked again, every kAskAgain; sooner when relays have come.
inline constexpr Duration kAskAgain = 2s;
inline constexpr Duration kAskAtLeastAfter = 500ms;

inline constexpr size_t kMaxTransfers = 4;

// Of a peer with more connections than this nobody asks when a path changed.
inline constexpr size_t kMaxWatchedPaths = 8;

struct NodePeerOptions {
  std::string id;
  Side side = Side::kClient;
  sim::MachineId portal;
  uint16_t port = 52625;
  snownet::node::NodeOptions node = {};
  NodeTap* tap = nullptr;  // Listens to the node.
};

// NodePeer is snownet's node on a virtual host with what stands above it: a channel to the portal
// and an application. A client asks for an authorization when a packet has nowhere to go, keeps
// packets back until the connection is established, and forgets the gateway when it fails; the next
// packet asks again. A gateway admits whom the portal authorizes and answers what it gets:
//
//   "ping n" ─► "pong n";   "seg0 n" ─► "ack0 m", all below m have arrived, and so for every
//   transfer;   anything else is kept
class NodePeer final : public sim::Machine {
 public:
  NodePeer(NodePeerOptions options, SeededRandom random, Tracer& tracer, Timestamp now);

  // --- The portal.
  void connect_to_portal(Timestamp now);
  void handle_portal_lost(Timestamp now);
  void ask_portal(Timestamp now);  // For an authorization, needed or not.

  // --- The application. Texts go to the gateway that the portal chooses.
  void start_echo(Timestamp now, Duration interval);
  void stop_echo(Timestamp now);
  void send(Timestamp now, std::string_view text);
  void start_transfer(Timestamp now, const TransferOptions& options);  // One more of them.
  // offer() is a gateway's application: false when there is no session with `peer` to send on.
  bool offer(Timestamp now, const std::string& peer, std::string_view text);

  // --- The host.
  // Addresses may have changed.
  void reset_network(Timestamp now,
                     snownet::node::ResetKind kind = snownet::node::ResetKind::kUnlessFalseAlarm);
  void shut_down(Timestamp now);                        // Says goodbye to everybody.
  void forget(Timestamp now, const std::string& peer);  // Loses its half of a connection.

  // --- sim::Machine
  void handle_datagram(Timestamp now, sim::Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<sim::Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;
  void handle_message(Timestamp now, sim::MachineId from, const std::string& text) override;
  std::optional<sim::Message> poll_message() override { return portal_.poll_message(); }

  // --- What came of it.
  const NodePeerOptions& options() const { return options_; }
  const snownet::node::Node& node() const { return *node_; }
  const PortalLink& portal() const { return portal_; }
  const EchoLog& echo() const { return echo_; }
  const std::vector<TransferSender>& transfers() const { return transfers_; }
  const std::vector<std::pair<std::string, std::string>>& inbox() const { return inbox_; }
  const History& history() const { return history_; }
  std::optional<snownet::node::PeerId> peer_id(const std::string& id) const;
  bool is_connected_to(const std::string& id) const;
  std::optional<snownet::node::PathKind> path_to(const std::string& id) const;
  bool sends_through_relay(const std::string& id) const;
  // The agent of the connection with `id`; nullptr when there is none.
  const snownet::ice::IceAgent* agent_to(const std::string& id) const;
  // When the selected path to anybody last changed, and when a packet last came by another one.
  Timestamp path_changed_at() const { return path_changed_at_; }
  Timestamp last_off_path_at() const { return last_off_path_at_; }
  uint64_t deliveries() const { return deliveries_; }
  // When a message of the portal last came after its channel was lost; the epoch if never.
  Timestamp last_unheard_at() const { return last_unheard_at_; }
  size_t pending() const { return pending_.size(); }
  uint64_t candidates_signalled() const { return candidates_signalled_; }
  uint64_t packets_lost() const { return packets_lost_; }  // No channel yet, or no session.

 private:
  enum class Sent : uint8_t { kSent, kNotYet, kUnknown, kLost };

  // Portal: node_peer_portal.cc.
  void take_relays(Timestamp now, const nlohmann::json& message);
  void take_authorization(Timestamp now, const nlohmann::json& message);
  void take_candidates(Timestamp now, const nlohmann::json& message, bool are_removed);
  void want_authorization(Timestamp now);
  void speak_to_portal();
  snownet::node::PeerId assign_id(const std::string& id);

  // Application.
  void run_application(Timestamp now);
  void submit(Timestamp now, std::vector<uint8_t> packet);
  void flush_pending(Timestamp now);
  Sent dispatch(Timestamp now, snownet::node::PeerId peer, const std::vector<uint8_t>& packet);
  bool handle_transfers(Timestamp now, snownet::node::PeerId from, std::string_view text);
  void handle_packet(Timestamp now, snownet::node::PeerId from, std::span<const uint8_t> packet);

  void drain(Timestamp now);
  void watch_paths(Timestamp now);
  bool is_on_selected_path(snownet::node::PeerId from, const sim::Datagram& datagram) const;
  void handle_event(Timestamp now, const snownet::node::NodeEvent& event);
  void handle_gone(Timestamp now, snownet::node::PeerId peer, Happening what);

  NodePeerOptions options_;
  SeededRandom random_;
  Tracer& tracer_;
  std::unique_ptr<snownet::node::Node> node_;  // It counts time when it is asked for a deadline.
  PortalLink portal_;
  std::map<std::string, snownet::node::PeerId> ids_;
  std::map<snownet::node::PeerId, std::string> names_;

  // A client's.
  std::optional<snownet::node::PeerId> gateway_;  // That we are authorized for.
  std::vector<std::string> known_gateways_;
  Timestamp ask_again_at_ = Timestamp::never();
  Timestamp last_asked_at_;
  bool is_asking_ = false;  // Said behind what is to be signalled.
  PendingPackets pending_;
  std::optional<Duration> echo_interval_;
  Timestamp next_ping_ = Timestamp::never();
  EchoLog echo_;
  std::vector<TransferSender> transfers_;

  std::map<std::pair<snownet::node::PeerId, size_t>, TransferReceiver> receivers_;
  std::vector<std::pair<std::string, std::string>> inbox_;  // Peer and text.
  History history_;
  std::deque<sim::Datagram> queue_;
  std::map<snownet::node::PeerId, snownet::ice::Path> selected_;
  Timestamp path_changed_at_;
  Timestamp last_off_path_at_;
  Timestamp last_unheard_at_;
  uint64_t deliveries_ = 0;
  uint64_t packets_lost_ = 0;
  uint64_t candidates_signalled_ = 0;
  Timestamp last_now_;
};

}  // namespace connlib::scenarios
