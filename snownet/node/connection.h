#pragma once

#include <cstdint>
#include <optional>

#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "snownet/ice/agent.h"
#include "snownet/node/connection_options.h"
#include "snownet/node/connection_ref.h"
#include "snownet/node/connection_statistics.h"
#include "snownet/node/message_ring.h"
#include "snownet/node/node_event.h"
#include "snownet/node/node_options.h"
#include "snownet/node/packet_queue.h"
#include "snownet/node/peer_socket.h"
#include "wireguard/session/index_table.h"

namespace connlib::snownet::node {

// ConnectionState (snownet §4.3):
//
//   kConnecting ──path selected──► kConnected ◄──activity── kIdle
//        │                          │      └──20 s quiet──►  │
//        └───────────────────────► kFailed ◄─────────────────┘   removed by the next timeout
enum class ConnectionState : uint8_t { kConnecting, kConnected, kIdle, kFailed };

// Connection is what a node keeps about one peer: the agent that finds a path, the name of the
// tunnel that encrypts, and how far both have come. It decides by time and by what it is told; what
// it has to send goes through relays and sockets that only its owner knows.
class Connection {
 public:
  struct Identity {
    PeerId peer;
    ConnectionRef ref;  // Where its owner keeps it.
    PublicKey key;
    wireguard::PeerId tunnel;
  };
  // `options.psk` is not kept: the tunnel has it.
  Connection(const Identity& identity, const ConnectionOptions& options, LateCandidates policy,
             RandomSource& random, Tracer& tracer, Timestamp now);

  PeerId peer() const { return identity_.peer; }
  ConnectionRef ref() const { return identity_.ref; }
  const PublicKey& key() const { return identity_.key; }
  wireguard::PeerId tunnel() const { return identity_.tunnel; }
  ice::IceAgent& agent() { return agent_; }
  const ice::IceAgent& agent() const { return agent_; }
  bool is_controlling() const { return role_ == ice::Role::kControlling; }

  // is_same() says whether an upsert with `options` finds this very connection, its preshared key
  // apart.
  bool is_same(const ConnectionOptions& options) const;

  // --- State.
  ConnectionState state() const { return state_; }
  bool is_connected() const {
    return state_ == ConnectionState::kConnected || state_ == ConnectionState::kIdle;
  }
  std::optional<FailureReason> failure() const { return failure_; }
  void fail(FailureReason why);
  // Nothing is left to try: it has failed or is about to. Whoever authorizes it anew begins anew,
  // for the pairs that are done with here are those that would be tried again (ours).
  bool is_lost() const {
    return failure_.has_value() || agent_.state() == ice::IceState::kDisconnected;
  }
  // take_failure() is true once after it failed.
  bool take_failure();

  // note_activity() is a packet, a candidate or an upsert. True when it woke the connection, so
  // that its deadline has changed.
  bool note_activity(Timestamp now);
  // note_upsert() is one that found this very connection: intake of relayed candidates opens anew.
  void note_upsert(Timestamp now);
  void note_remote_candidate(Timestamp now);

  // --- Late candidates (snownet §5.4).
  bool accepts_relayed(Timestamp now) const;  // Of ours.
  bool accepts_remote() const;

  // --- The path. select() is false when that socket is selected already.
  const std::optional<PeerSocket>& socket() const { return socket_; }
  bool select(const PeerSocket& socket, Timestamp now);
  void set_path_kind(PathKind kind) { socket_->kind = kind; }
  void handle_ice_state(Timestamp now, ice::IceState state);

  // --- The tunnel. take_handshake() says whether a new path is worth a handshake, and notes it.
  void note_session() { has_session_ = true; }
  bool take_handshake(Timestamp now);
  // handshake_repeat() is after which time an answer by the selected path was lost, not late.
  Duration handshake_repeat() const;
  // take_established() is true once: a path and a session are there.
  bool take_established(Timestamp now);
  bool is_established() const { return is_established_; }

  // --- Time.
  void handle_timeout(Timestamp now);
  Wakeup poll_timeout() const;
  // take_relay_check() says that the selected path through our relay misses answers, or has fallen
  // silent while packets flow (D6): once per silence.
  bool take_relay_check(Timestamp now);
  // Something of the peer's has arrived through a relay.
  void note_heard(Timestamp now) { last_heard_ = now; }

  // --- What its owner keeps here.
  std::optional<RelaySerial> relay{};  // Chosen for this connection.
  MessageRing messages{};
  PacketQueue packets{};
  ConnectionStatistics statistics{};

 private:
  void set_state(ConnectionState next, const char* why);
  const ice::CandidatePair* selected_pair() const;  // nullptr when the agent has dropped it.
  bool may_sleep() const {
    return state_ == ConnectionState::kConnected && ice::is_established(agent_.state());
  }
  bool misses_answers() const;
  Timestamp relay_is_quiet_at() const;

  Identity identity_;
  ice::Role role_;
  ice::Timing active_;
  ice::Timing idle_;
  LateCandidates policy_;
  Tracer& tracer_;
  ice::IceAgent agent_;

  ConnectionState state_ = ConnectionState::kConnecting;
  std::optional<FailureReason> failure_;
  bool is_failure_taken_ = false;
  std::optional<PeerSocket> socket_;
  bool has_session_ = false;
  bool is_established_ = false;
  Timestamp created_at_;
  Timestamp last_activity_;
  Timestamp candidates_due_;
  Timestamp grace_ends_ = Timestamp::never();
  Timestamp intake_ends_;  // An upsert lifts the freeze until then.
  std::optional<Timestamp> last_handshake_;
  std::optional<Timestamp> last_relay_check_;
  Timestamp last_heard_;  // Through a relay; or when its path was selected, or it woke up.
};

}  // namespace connlib::snownet::node
