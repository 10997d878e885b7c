#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "snownet/ice/agent.h"
#include "snownet/turn/allocation.h"
#include "tests/sim/world.h"

namespace connlib::scenarios {

inline constexpr Duration kCandidateWait = 10s;   // Connecting to the first signalled candidate.
inline constexpr Duration kDisconnectGrace = 2s;  // While no pair ever worked.
inline constexpr size_t kMaxParkedMessages = 16;  // Signalled before connect().

// RelayLogin is what a portal says about one relay.
struct RelayLogin {
  std::string name;
  snownet::turn::RelaySockets sockets;
  std::string username;
  std::string realm;
  std::string password;
};

struct IcePeerOptions {
  snownet::ice::Role role = snownet::ice::Role::kControlling;
  snownet::ice::Credentials local;
  snownet::ice::Credentials remote;
  snownet::ice::Timing timing;
  uint16_t port = 52625;
  std::vector<RelayLogin> relays;
};

// PeerEchoes is what the application of one peer saw: pings of the controlling side, answered by the
// other over the path that *it* selected.
struct PeerEchoes {
  uint64_t sent = 0;
  uint64_t answered = 0;
  Timestamp first_at = Timestamp::never();  // The first answer.
  Timestamp last_at = Timestamp::never();
  uint64_t arrivals = 0;           // Pings or pongs.
  uint64_t arrivals_off_path = 0;  // On another path than the one selected here.
  Timestamp last_off_path_at = Timestamp::never();
};

// IcePeer is one end of a connection without its encryption: an agent, an allocation per relay, and
// what has to lie between them. snownet's node will take its place; until then the lessons that the
// glue must obey stand here:
//
//   socket ─► relay's socket? ─► Allocation ─► ChannelData of peer ─┐
//             anything else ───────────────────────────────────────┴► IceAgent ─► application
//
//   – host and server-reflexive addresses of all relays, relayed ones of the chosen relay only;
//   – a channel to every signalled candidate but host ones, before the first check needs it;
//   – of the relays that are near one that holds an allocation, if there is any. One that is given
//   up
//     is replaced, and so is one whose allocation is late when another's is there and nothing is
//     selected; the new one gets its channels at once;
//   – after a path is selected no new relayed candidates, but removals always (FreezeRelays);
//   – candidates that are signalled too early are kept, a few.
class IcePeer final : public sim::Machine {
 public:
  enum class State : uint8_t { kUnconnected, kConnecting, kConnected, kFailed };

  IcePeer(IcePeerOptions options, SeededRandom random, Tracer& tracer, Timestamp now);

  // connect() is what an authorization by the portal leads to. False, and nothing happens, when no
  // relay has answered yet or any more.
  bool connect(Timestamp now, sim::MachineId peer);
  void start_echo(Timestamp now, Duration interval);

  void handle_datagram(Timestamp now, sim::Datagram& datagram) override;
  void handle_timeout(Timestamp now) override;
  std::optional<sim::Datagram> poll_transmit() override;
  Wakeup poll_timeout() const override;
  void handle_message(Timestamp now, sim::MachineId from, const std::string& text) override;
  std::optional<sim::Message> poll_message() override;

  State state() const { return state_; }
  Timestamp state_since() const { return state_since_; }
  bool can_connect() const { return !round_trips().empty(); }
  const std::optional<snownet::ice::Path>& selected() const { return selected_; }
  Timestamp selected_since() const { return selected_since_; }
  // Whether our end of the selected path is a relay.
  bool sends_through_relay() const;
  // When the last relay was given up.
  Timestamp no_relays_since() const { return no_relays_since_; }
  const PeerEchoes& echo() const { return echo_; }
  const snownet::ice::IceAgent* agent() const { return agent_.get(); }
  size_t relay_count() const { return relays_.size(); }
  const snownet::turn::Allocation& allocation(size_t i) const { return relays_[i]->allocation; }
  // Which relay a connection that begins now would use.
  std::optional<size_t> sample_relay();

 private:
  struct Relay {
    Relay(const RelayLogin& login, SeededRandom stream, snownet::turn::Credentials credentials,
          Tracer& tracer, Timestamp now)
        : random(std::move(stream)),
          allocation(login.sockets, std::move(credentials), random, tracer, now) {}
    SeededRandom random;
    snownet::turn::Allocation allocation;
  };

  // Network.
  void demultiplex(Timestamp now, const snownet::ice::Path& path, std::span<const uint8_t> bytes);
  void send(Timestamp now, const snownet::ice::Path& path, std::span<const uint8_t> bytes);
  Relay* relay_at(const SocketAddress& socket);
  Relay* relay_serving(const SocketAddress& relayed);
  bool is_our_socket(const SocketAddress& address) const;

  // Candidates.
  void seed_candidates(Timestamp now);
  void add_relayed(Timestamp now);
  void add_local(Timestamp now, const snownet::ice::Candidate& candidate);
  void take_line(Timestamp now, std::string_view line);
  void bind_channels(Timestamp now);
  void flush_signals();

  // Events.
  void drain(Timestamp now);
  bool drain_relays(Timestamp now);
  bool drain_agent(Timestamp now);
  void replace_relay(Timestamp now);
  bool wants_another_relay() const;
  void handle_relay_event(Timestamp now, Relay& relay, const snownet::turn::AllocationEvent& event);
  void handle_agent_event(Timestamp now, const snownet::ice::AgentEvent& event);
  void set_state(Timestamp now, State next);

  // Application.
  void run_application(Timestamp now);
  void handle_data(Timestamp now, const snownet::ice::Path& path, std::string_view text);

  struct Usable {
    size_t relay;
    Duration round_trip;
  };
  std::vector<Usable> round_trips() const;

  IcePeerOptions options_;
  SeededRandom random_;
  Tracer& tracer_;
  std::vector<std::unique_ptr<Relay>> relays_;
  std::vector<snownet::turn::AddressDiscovered> found_;
  Timestamp no_relays_since_ = Timestamp::never();

  std::unique_ptr<snownet::ice::IceAgent> agent_;
  sim::MachineId peer_;
  Relay* chosen_ = nullptr;
  State state_ = State::kUnconnected;
  Timestamp state_since_;
  std::optional<snownet::ice::Path> selected_;
  Timestamp selected_since_ = Timestamp::never();
  Timestamp candidates_due_ = Timestamp::never();
  Timestamp grace_ends_ = Timestamp::never();
  std::deque<std::string> parked_;  // Messages that came before connect().

  std::vector<snownet::ice::Candidate> added_;    // To be signalled.
  std::vector<snownet::ice::Candidate> removed_;  // To be signalled.
  std::deque<sim::Message> messages_;
  std::deque<sim::Datagram> queue_;

  std::optional<Duration> echo_interval_;
  Timestamp next_ping_ = Timestamp::never();
  PeerEchoes echo_;
  Timestamp last_now_;
};

}  // namespace connlib::scenarios
