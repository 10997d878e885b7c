#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/scenarios/portal/derivations.h"
#include "tests/sim/relay_machine.h"

namespace connlib::scenarios {

inline constexpr Duration kPresenceDebounce = 1s;
inline constexpr Duration kAuthorizationTimeout = 15s;
inline constexpr size_t kRelaysPerPeer = 2;

// ScriptedPortal does what peers may rely on from a portal (snownet §3.1, §4.1, §5.1), and what a
// story tells it to do wrong:
//
//   client ── request ─► portal ── create_authorization ─► gateway
//   client ◄─ authorization_created ─ portal ◄─ authorization_created ─ gateway
//   peer ── candidates ─► portal ─► peer;   portal ── init, relays_presence ─► peer
//
// A peer has a channel from its `hello` until drop_channel(). What is said to a peer without one is
// lost. Of two channels for one id the newer wins.
class ScriptedPortal final : public sim::Machine {
 public:
  ScriptedPortal(Tracer& tracer, Timestamp now) : tracer_(tracer), last_now_(now) {}

  // --- Who there is.

  // Gateways serve every request, in the order in which they are added.
  void add_gateway(const std::string& id) { gateways_.push_back(id); }

  // list_relay(): a relay has joined; again with another secret: it has restarted under its old id.
  void list_relay(Timestamp now, const std::string& id, const sim::VirtualRelay& relay);
  void unlist_relay(Timestamp now, const std::string& id);

  // --- Faults.

  void drop_channel(Timestamp now, const std::string& peer);

  // set_choice() says which relays `peer` may get, nearest first; all of them otherwise.
  void set_choice(const std::string& peer, std::vector<std::string> relays);
  // announce() sends a presence at once that names just these relays as disconnected, whatever has
  // happened.
  void announce(Timestamp now, const std::string& peer,
                const std::vector<std::string>& disconnected = {});
  // Whoever is muted gets no relays_presence; `init` is an answer and comes nevertheless.
  void mute_presence(const std::string& peer) { channels_[peer].is_muted = true; }
  // Messages of this kind to `peer` take so much longer than others, and may be overtaken.
  void set_delay(const std::string& event, const std::string& peer, Duration delay) {
    delays_[{event, peer}] = delay;
  }
  // Messages of this kind never reach `peer`.
  void swallow(const std::string& event, const std::string& peer) {
    swallowed_.emplace(event, peer);
  }
  void set_relays_per_peer(size_t count) { relays_per_peer_ = count; }
  // Tells the client without waiting for the gateway to be ready.
  void set_waits_for_gateway(bool waits) { waits_for_gateway_ = waits; }

  // From now on authorizations come with other preshared keys, and all else is the same.
  void renew_preshared_keys() { ++generation_; }

  // --- sim::Machine. It has no socket.
  void handle_datagram(Timestamp /*now*/, sim::Datagram& /*datagram*/) override {}
  std::optional<sim::Datagram> poll_transmit() override { return std::nullopt; }
  void handle_timeout(Timestamp now) override;
  Wakeup poll_timeout() const override;
  void handle_message(Timestamp now, sim::MachineId from, const std::string& text) override;
  std::optional<sim::Message> poll_message() override;

  bool has_channel(const std::string& peer) const;
  // When something that was for `peer` was last lost for want of a channel; the epoch if never.
  Timestamp last_lost(const std::string& peer) const {
    const auto at = lost_at_.find(peer);
    return at == lost_at_.end() ? Timestamp() : at->second;
  }
  uint64_t authorizations() const { return next_ref_; }  // How many requests came to a gateway.

 private:
  using Json = nlohmann::json;

  struct Channel {
    std::optional<sim::MachineId> machine;  // nullopt: closed.
    Device device;
    std::optional<std::vector<std::string>> choice;
    std::vector<std::string> remembered;  // The relays that this channel was told.
    Timestamp presence_due = Timestamp::never();
    bool is_muted = false;
  };
  struct Request {
    std::string client;
    std::string gateway;
    Timestamp expires_at;
  };
  struct Delayed {
    Timestamp at;
    std::string to;
    Json message;
  };

  Channel* open_channel(const std::string& peer);
  Channel* channel_of(sim::MachineId machine);
  void handle_hello(sim::MachineId from, const Json& message);
  void handle_request(Timestamp now, const Channel& client, const Json& message);
  void handle_acknowledgement(const Json& message);
  std::optional<std::string> choose_gateway(const Json& preferred);
  void tell_client(const Request& request);
  void send_presence(Channel& channel, const Json& disconnected);
  void changed(Timestamp now);
  bool is_listed(const std::string& relay) const { return relays_.contains(relay); }
  Json pick_relays(Channel& channel);
  void say(const std::string& to, Json message);

  Tracer& tracer_;
  std::vector<std::string> gateways_;
  std::vector<std::string> relay_order_;
  std::map<std::string, sim::VirtualRelay> relays_;  // Those that are there.
  std::map<std::string, Channel> channels_;
  std::map<uint64_t, Request> requests_;
  uint64_t next_ref_ = 0;
  uint64_t generation_ = 0;  // Of preshared keys.
  bool waits_for_gateway_ = true;
  size_t relays_per_peer_ = kRelaysPerPeer;
  using EventTo = std::pair<std::string, std::string>;  // Event and peer.
  std::map<std::string, Timestamp> lost_at_;
  std::map<EventTo, Duration> delays_;
  std::set<EventTo> swallowed_;
  std::vector<Delayed> delayed_;
  std::deque<sim::Message> queue_;
  Timestamp last_now_;
};

}  // namespace connlib::scenarios
