// IcePeer: candidates, what relays and agent report, and the state that follows from it.
#include <algorithm>
#include <utility>
#include <variant>

#include "snownet/ice/candidate_text.h"
#include "tests/scenarios/ice_peer.h"

namespace connlib::scenarios {

namespace ice = snownet::ice;
namespace turn = snownet::turn;

namespace {

// One line per candidate, in the format of the portal's channel, behind a sign.
std::string line_of(char sign, const ice::Candidate& candidate, const std::string& ufrag) {
  return sign + ice::to_text(candidate, ufrag) + "\n";
}

}  // namespace

// --- Ours

// Best kinds first, so that equal runs number their candidates equally.
void IcePeer::seed_candidates(Timestamp now) {
  for (const auto& found : found_) add_local(now, ice::Candidate::host(found.local));
  for (const auto& found : found_) {
    add_local(now, ice::Candidate::server_reflexive(found.mapped, found.local));
  }
  add_relayed(now);
}

void IcePeer::add_relayed(Timestamp now) {
  const turn::Allocation& allocation = chosen_->allocation;
  for (const IpFamily family : {IpFamily::kV6, IpFamily::kV4}) {
    const auto relayed = allocation.relayed_address(family);
    if (!relayed) continue;
    add_local(now, ice::Candidate::relayed(*relayed, allocation.active_socket()->ip.family()));
  }
}

void IcePeer::add_local(Timestamp now, const ice::Candidate& candidate) {
  if (const auto added = agent_->add_local_candidate(candidate, now)) added_.push_back(*added);
}

// Additions first, best priority first, then removals: one message for all that changed.
void IcePeer::flush_signals() {
  if (added_.empty() && removed_.empty()) return;
  std::stable_sort(added_.begin(), added_.end(),
                   [](const auto& a, const auto& b) { return a.priority > b.priority; });
  std::string text;
  const std::string& ufrag = options_.local.ufrag();
  for (const auto& each : std::exchange(added_, {})) text += line_of('+', each, ufrag);
  for (const auto& each : std::exchange(removed_, {})) text += line_of('-', each, ufrag);
  messages_.push_back({peer_, std::move(text)});
}

// --- Theirs

void IcePeer::handle_message(Timestamp now, sim::MachineId from, const std::string& text) {
  last_now_ = std::max(last_now_, now);
  if (!agent_) {
    if (parked_.size() < kMaxParkedMessages) parked_.push_back(text);
    return;
  }
  if (from != peer_) return;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    take_line(now, line);
  }
  drain(now);
}

// A line that does not parse costs nobody but itself.
void IcePeer::take_line(Timestamp now, std::string_view line) {
  if (line.empty()) return;
  const auto signalled = ice::parse_candidate(line.substr(1));
  if (!signalled) return;
  const ice::Candidate& candidate = signalled->candidate;
  if (line.front() == '-') {
    agent_->invalidate_remote_candidate(candidate, now);
    return;
  }
  candidates_due_ = Timestamp::never();
  agent_->add_remote_candidate(*signalled, now);
  // Host candidates are mostly private, of no use to a relay; those that are not get their channel
  // with the first check (send()).
  if (candidate.kind == ice::CandidateKind::kHost) return;
  chosen_->allocation.bind_channel(now, candidate.address);
}

// After a reallocation every channel is gone; waiting for the next check would lose that one.
void IcePeer::bind_channels(Timestamp now) {
  for (const ice::Candidate& remote : agent_->remote_candidates()) {
    if (remote.kind == ice::CandidateKind::kHost) continue;
    chosen_->allocation.bind_channel(now, remote.address);
  }
}

// --- Events

// Relays and agent feed each other until both are silent.
void IcePeer::drain(Timestamp now) {
  while (drain_relays(now) || drain_agent(now)) {
  }
  replace_relay(now);
  flush_signals();
  run_application(now);
  drain_relays(now);  // A ping may have begun a channel.
  const auto is_gone = [](const auto& relay) { return relay->allocation.failure().has_value(); };
  if (no_relays_since_.is_never() && std::all_of(relays_.begin(), relays_.end(), is_gone)) {
    no_relays_since_ = now;
  }
}

bool IcePeer::wants_another_relay() const {
  if (chosen_->allocation.failure()) return true;
  const auto holds = [](const auto& relay) { return relay->allocation.is_allocated(); };
  return !selected_ && !chosen_->allocation.is_allocated() &&
         std::any_of(relays_.begin(), relays_.end(), holds);
}

// What remains of the connection goes on; with nothing else to choose it waits for a relay.
void IcePeer::replace_relay(Timestamp now) {
  if (!agent_ || !wants_another_relay()) return;
  const auto relay = sample_relay();
  if (!relay) return;
  chosen_ = relays_[*relay].get();
  bind_channels(now);
  if (!selected_) add_relayed(now);  // FreezeRelays.
  while (drain_relays(now) || drain_agent(now)) {
  }
}

bool IcePeer::drain_relays(Timestamp now) {
  bool did_something = false;
  for (const auto& relay : relays_) {
    while (const auto event = relay->allocation.poll_event()) {
      handle_relay_event(now, *relay, *event);
      did_something = true;
    }
    while (const auto transmit = relay->allocation.poll_transmit()) {
      const auto family = transmit->to.ip.family();
      const IpAddress any = family == IpFamily::kV4 ? IpAddress(Ipv4Address{}) : Ipv6Address{};
      queue_.push_back({{any, options_.port},
                        transmit->to,
                        {transmit->datagram.begin(), transmit->datagram.end()},
                        {}});
      did_something = true;
    }
  }
  return did_something;
}

bool IcePeer::drain_agent(Timestamp now) {
  bool did_something = false;
  while (agent_) {
    const auto event = agent_->poll_event();
    if (!event) break;
    handle_agent_event(now, *event);
    did_something = true;
  }
  while (agent_) {
    const auto transmit = agent_->poll_transmit();
    if (!transmit) break;
    send(now, transmit->path, transmit->message.bytes());
    did_something = true;
  }
  return did_something;
}

void IcePeer::handle_relay_event(Timestamp now, Relay& relay, const turn::AllocationEvent& event) {
  if (const auto* found = std::get_if<turn::AddressDiscovered>(&event)) {
    found_.push_back(*found);
    if (!agent_) return;
    add_local(now, ice::Candidate::host(found->local));  // D7: whichever relay showed it.
    add_local(now, ice::Candidate::server_reflexive(found->mapped, found->local));
  } else if (const auto* added = std::get_if<turn::RelayedAddressAdded>(&event)) {
    if (!agent_ || &relay != chosen_) return;
    bind_channels(now);
    if (selected_) return;  // FreezeRelays (snownet §5.4).
    add_local(now, ice::Candidate::relayed(added->relayed, added->relay.ip.family()));
  } else if (const auto* gone = std::get_if<turn::RelayedAddressRemoved>(&event)) {
    if (!agent_) return;
    const auto candidate = ice::Candidate::relayed(gone->relayed, IpFamily::kV4);
    if (agent_->invalidate_local_candidate(candidate, now)) removed_.push_back(candidate);
  }
}

void IcePeer::handle_agent_event(Timestamp now, const ice::AgentEvent& event) {
  if (const auto* selected = std::get_if<ice::PathSelected>(&event)) {
    if (!selected_) next_ping_ = now;
    selected_ = selected->path;
    selected_since_ = now;
    return;
  }
  switch (std::get<ice::StateChanged>(event).state) {
    case ice::IceState::kNew:
      break;
    case ice::IceState::kChecking:
      grace_ends_ = Timestamp::never();
      selected_.reset();
      break;
    case ice::IceState::kConnected:
    case ice::IceState::kCompleted:  // D3: as good.
      grace_ends_ = Timestamp::never();
      set_state(now, State::kConnected);
      break;
    case ice::IceState::kDisconnected:
      selected_.reset();
      if (agent_->ever_succeeded()) {
        set_state(now, State::kFailed);
      } else {
        grace_ends_ = now + kDisconnectGrace;
      }
      break;
  }
}

void IcePeer::set_state(Timestamp now, State next) {
  if (next == state_) return;
  state_ = next;
  state_since_ = now;
  if (next != State::kFailed) return;
  tracer_.trace(TraceLevel::kInfo, "peer", "connection failed");
  agent_.reset();
  selected_.reset();
  candidates_due_ = Timestamp::never();
  grace_ends_ = Timestamp::never();
}

}  // namespace connlib::scenarios
