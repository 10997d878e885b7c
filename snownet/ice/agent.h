#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "snownet/ice/candidate_text.h"
#include "snownet/ice/check_list.h"
#include "snownet/ice/credentials.h"
#include "snownet/ice/ice_drop.h"
#include "snownet/ice/ice_state.h"
#include "snownet/ice/local_candidates.h"
#include "snownet/ice/nomination.h"
#include "snownet/ice/remote_candidates.h"
#include "snownet/ice/transmit_queue.h"

namespace connlib::snownet::ice {

inline constexpr size_t kMaxEarlyRequests = 100;  // Checks before remote credentials are known.

// The agent sends at most one check per handle_timeout(), and the next one this much later. Ours:
// Ta is zero for our peers, but a wakeup must lie in the future or drivers cannot tell it from a
// spin; a millisecond is what OS timers round to.
inline constexpr Duration kCheckSpacing = 1ms;

struct AgentOptions {
  Role role = Role::kControlling;
  Credentials local;
  std::optional<Credentials> remote;  // May follow: set_remote_credentials().
  Timing timing = kClientDefaultTiming;
  bool guesses_port_forwarding = true;  // RemoteCandidates::optimistic().
};

// AgentEvent says what changed since the last one; intermediate values nobody polled are lost.
struct StateChanged {
  IceState state;
  friend bool operator==(const StateChanged&, const StateChanged&) = default;
};
struct PathSelected {  // Send here. When nothing is selected any more only the state tells.
  Path path;
  friend bool operator==(const PathSelected&, const PathSelected&) = default;
};
using AgentEvent = std::variant<StateChanged, PathSelected>;

// IceAgent finds and keeps a path to one peer (RFC 8445, trickle of RFC 8838, one component, UDP).
// It is told candidates, datagrams and instants; it gives datagrams, events and a deadline.
// Credentials are fixed: others mean another agent. `random` and `tracer` must outlive it.
class IceAgent {
 public:
  IceAgent(AgentOptions options, RandomSource& random, Tracer& tracer, Timestamp now);

  // --- Candidates.

  // add_local_candidate() gives the candidate with its priority, to be signalled to the peer;
  // nullopt when it is not to be: redundant, not usable, or over the limit.
  std::optional<Candidate> add_local_candidate(const Candidate& candidate, Timestamp now);

  // add_remote_candidate() takes what the peer signalled, at any time. False when it was refused:
  // of another generation (ufrag), not usable, over the limit, or nothing new.
  bool add_remote_candidate(const SignalledCandidate& signalled, Timestamp now);

  // Both stop using a candidate at once, with all its pairs. False when it was not known. What a
  // peer takes back is only looked for among the peer's own.
  bool invalidate_local_candidate(const Candidate& candidate, Timestamp now);
  bool invalidate_remote_candidate(const Candidate& candidate, Timestamp now);

  void set_remote_credentials(const Credentials& remote, Timestamp now);

  // --- Datagrams.

  // handle_datagram() takes one that may be ICE: `path.local` is where it arrived (a socket's
  // address or a relayed one), `path.remote` its source. nullopt: it was for us and is done with.
  std::optional<IceDrop> handle_datagram(Timestamp now, const Path& path,
                                         std::span<const uint8_t> datagram);

  [[nodiscard]] std::optional<Transmit> poll_transmit() { return transmits_.pop(); }

  // --- Time and events.
  void handle_timeout(Timestamp now);
  [[nodiscard]] std::optional<AgentEvent> poll_event();
  [[nodiscard]] Wakeup poll_timeout() const;
  void set_timing(const Timing& timing, Timestamp now);

  // --- Inspection.
  Role role() const { return role_; }
  IceState state() const { return state_; }
  const std::optional<Path>& selected() const { return selected_; }
  // The last path that was reported. It stays when nothing is selected any more: packets go on
  // there until another is, or the connection fails.
  const std::optional<Path>& last_reported() const { return reported_selection_; }
  bool ever_succeeded() const { return ever_succeeded_; }  // Some check was answered once.
  const Timing& timing() const { return timing_; }
  const Credentials& local_credentials() const { return local_credentials_; }
  const std::optional<Credentials>& remote_credentials() const { return remote_credentials_; }
  std::span<const CandidatePair> pairs() const { return list_.pairs(); }
  std::span<const Candidate> local_candidates() const { return locals_.all(); }
  std::span<const Candidate> remote_candidates() const { return remotes_.all(); }
  uint64_t dropped(IceDrop drop) const { return drops_[static_cast<size_t>(drop)]; }

 private:
  struct EarlyRequest {
    CheckRequest check;  // Without its texts.
    std::string sender_ufrag;
    Path path;
  };
  enum class RoleVerdict : uint8_t { kAgreed, kConflict };

  // Inbound: agent_inbound.cc.
  std::optional<IceDrop> dispatch(const Path& path, std::span<const uint8_t> datagram);
  std::optional<IceDrop> handle_request(const Path& path, const stun::Message& message);
  std::optional<IceDrop> accept_request(const Path& path, const CheckRequest& check);
  std::optional<IceDrop> handle_success(const Path& path, const stun::Message& message);
  std::optional<IceDrop> handle_error(const Path& path, const stun::Message& message);
  RoleVerdict settle_role(const CheckRequest& check);
  void learn_remote(const SocketAddress& address, uint32_t priority);
  void switch_role(const char* why);

  // Candidates and pairs.
  void form_pairs_from(const SocketAddress& local_base);
  void form_pairs_to(const SocketAddress& remote);

  // Checks, selection and state.
  CandidatePair* next_due();
  void send_check(CandidatePair& pair);
  void fail_exhausted();
  void update();
  void select(const CandidatePair* pair);
  void set_state(IceState next, const char* why);
  IceState computed_state() const;
  bool is_selected(const CandidatePair& pair) const { return pair.path() == selected_; }
  void advance(Timestamp now) { last_now_ = std::max(last_now_, now); }

  RandomSource& random_;
  Tracer& tracer_;
  Role role_;
  uint64_t tie_breaker_;
  Credentials local_credentials_;
  std::optional<Credentials> remote_credentials_;
  stun::IntegrityKey local_key_;
  std::optional<stun::IntegrityKey> remote_key_;
  Timing timing_;
  bool guesses_port_forwarding_;

  LocalCandidates locals_;
  RemoteCandidates remotes_;
  CheckList list_;
  PeerNominations nominations_;
  std::vector<EarlyRequest> early_requests_;

  std::optional<Path> selected_;
  IceState state_ = IceState::kNew;
  bool ever_succeeded_ = false;
  std::optional<Path> reported_selection_;
  IceState reported_state_ = IceState::kNew;

  Timestamp last_now_;
  Timestamp updated_at_;  // The latest update(): what time did to the state until then is known.
  Timestamp next_check_allowed_at_;
  TransmitQueue transmits_;
  std::array<uint64_t, static_cast<size_t>(IceDrop::kCount)> drops_{};
};

}  // namespace connlib::snownet::ice
