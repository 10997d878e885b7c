// Node: candidates, channels and the coming and going of relays.
#include <algorithm>
#include <utility>
#include <variant>

#include "snownet/ice/candidate_text.h"
#include "snownet/node/node.h"
#include "snownet/node/public_address.h"

namespace connlib::snownet::node {
namespace {

constexpr std::array<IpFamily, 2> kFamilies{IpFamily::kV6, IpFamily::kV4};  // Better first.

}  // namespace

// --- Our candidates.

// Best kinds first, so that equal runs number their candidates equally: host and reflexive ones of
// all relays, relayed ones of the chosen relay only.
void Node::seed(Timestamp now, Connection& connection) {
  for (const IpFamily family : kFamilies) {
    for (const Relay& relay : relays_.all()) {
      const auto& found = relay.found[static_cast<size_t>(family)];
      if (found) add_local(now, connection, ice::Candidate::host(found->local));
    }
  }
  for (const IpFamily family : kFamilies) {
    for (const Relay& relay : relays_.all()) {
      const auto& found = relay.found[static_cast<size_t>(family)];
      if (!found) continue;
      add_local(now, connection, ice::Candidate::server_reflexive(found->mapped, found->local));
    }
  }
  seed_relayed(now, connection);
}

void Node::seed_relayed(Timestamp now, Connection& connection) {
  const Relay* relay = connection.relay ? relays_.find(*connection.relay) : nullptr;
  if (relay == nullptr || !connection.accepts_relayed(now)) return;
  const turn::Allocation& allocation = *relay->allocation;
  if (!allocation.active_socket()) return;
  const IpFamily towards_relay = allocation.active_socket()->ip.family();
  for (const IpFamily family : kFamilies) {
    const auto relayed = allocation.relayed_address(family);
    if (relayed) add_local(now, connection, ice::Candidate::relayed(*relayed, towards_relay));
  }
}

void Node::add_local(Timestamp now, Connection& connection, const ice::Candidate& candidate) {
  if (connection.failure()) return;
  const auto added = connection.agent().add_local_candidate(candidate, now);
  if (!added) return;
  signal(connection, *added);
  connection.note_activity(now);
}

void Node::signal(const Connection& connection, const ice::Candidate& candidate) {
  const std::string& ufrag = connection.agent().local_credentials().ufrag();
  events_.push(
      CandidateAdded{connection.peer(), ice::to_text(candidate, ufrag), candidate.priority});
}

// Everything that the peer should know and may have missed. Peer-reflexive ones are its own
// discovery.
void Node::resignal(const Connection& connection) {
  const auto locals = connection.agent().local_candidates();
  std::vector<ice::Candidate> known(locals.begin(), locals.end());
  std::stable_sort(known.begin(), known.end(),
                   [](const auto& a, const auto& b) { return a.priority > b.priority; });
  for (const ice::Candidate& candidate : known) {
    if (candidate.kind != ice::CandidateKind::kPeerReflexive) signal(connection, candidate);
  }
}

// --- Theirs.

void Node::add_remote_candidate(Timestamp now, PeerId peer, std::string_view line) {
  observe(now, CandidateInput{CandidateInput::Change::kAdd, peer, line});
  now = clamp(now);
  Connection* connection = connections_.find(peer);
  if (connection == nullptr) {
    parking_.add(now, peer, line);
    return;
  }
  take_remote_line(now, *connection, line);
  settle(now, *connection);
  finish(now);
}

void Node::take_remote_line(Timestamp now, Connection& connection, std::string_view line) {
  const auto signalled = ice::parse_candidate(line);
  if (!signalled || connection.failure() || !connection.accepts_remote()) return;
  const bool is_of_this_generation =
      signalled->ufrag.empty() ||
      signalled->ufrag == connection.agent().remote_credentials()->ufrag();
  if (!is_of_this_generation) return;
  connection.note_remote_candidate(now);
  connection.agent().add_remote_candidate(*signalled, now);
  bind_channel(now, connection, signalled->candidate);
  note_path_kind(connection);
}

void Node::remove_remote_candidate(Timestamp now, PeerId peer, std::string_view line) {
  observe(now, CandidateInput{CandidateInput::Change::kRemove, peer, line});
  now = clamp(now);
  Connection* connection = connections_.find(peer);
  if (connection == nullptr) {
    parking_.remove(peer, line);
    return;
  }
  const auto signalled = ice::parse_candidate(line);
  if (!signalled || connection->failure()) return;
  if (connection->agent().invalidate_remote_candidate(signalled->candidate, now)) {
    connection->note_activity(now);
  }
  settle(now, *connection);
  finish(now);
}

// --- Channels.

// Ahead of the first check, which would be lost otherwise. Host addresses are mostly private, and
// of no use to a relay then.
void Node::bind_channel(Timestamp now, const Connection& connection, const ice::Candidate& remote) {
  Relay* relay = connection.relay ? relays_.find(*connection.relay) : nullptr;
  if (relay == nullptr) return;
  if (remote.kind == ice::CandidateKind::kHost && !is_public(remote.address.ip)) return;
  relay->allocation->bind_channel(now, remote.address);
}

// After a move or a reallocation.
void Node::bind_channels(Timestamp now, const Connection& connection) {
  for (const ice::Candidate& remote : connection.agent().remote_candidates()) {
    bind_channel(now, connection, remote);
  }
}

// --- Relays, as the portal lists them.

void Node::update_relays(Timestamp now, std::span<const RelayId> removed,
                         std::span<const RelayListing> listed) {
  observe(now, RelaysInput{removed, listed});
  now = clamp(now);
  for (const RelayId& id : removed) {
    auto relay = relays_.remove(id);
    if (!relay) continue;
    dismiss(now, *relay->allocation);
    move_from(relay->serial);
  }
  for (const RelayListing& listing : listed) {
    const auto [what, former] = relays_.list(now, listing);
    if (former) dismiss(now, *former);
  }
  for (const Relay& relay : relays_.all()) {
    const bool is_listed = std::any_of(listed.begin(), listed.end(),
                                       [&](const auto& each) { return each.id == relay.id; });
    if (!is_listed) relay.allocation->probe(now);
  }
  drain_relays(now);
  settle_homeless(now);
  finish(now);
}

// Gives an allocation back that nobody owns any more, and takes its addresses out of use.
void Node::dismiss(Timestamp now, turn::Allocation& allocation) {
  std::vector<SocketAddress> relayed;
  for (const IpFamily family : kFamilies) {
    if (const auto address = allocation.relayed_address(family)) relayed.push_back(*address);
  }
  allocation.release(now);
  drain_transmits(allocation);
  for (const SocketAddress& address : relayed) remove_relayed(now, address);
}

void Node::collect_relays(Timestamp now) {
  bool collected = false;
  while (const auto relay = relays_.take_failed()) {
    tracer_.trace(
        TraceLevel::kInfo, "node", "relay given up",
        {{"relay", relay->id.value()}, {"why", turn::failure_text(*relay->allocation->failure())}});
    drain_transmits(*relay->allocation);
    move_from(relay->serial);
    collected = true;
  }
  if (!collected) return;
  improve_relays(now);
  if (relays_.empty()) events_.push(NoRelays{});
}

// --- What allocations report.

void Node::drain_relays(Timestamp now) {
  for (Relay& relay : relays_.all()) {
    while (const auto event = relay.allocation->poll_event())
      handle_relay_event(now, relay, *event);
  }
  for (Relay& relay : relays_.all()) drain_transmits(*relay.allocation);
}

void Node::drain_transmits(turn::Allocation& allocation) {
  while (const auto transmit = allocation.poll_transmit()) {
    relay_transmits_.push({std::nullopt,
                           transmit->to,
                           Ecn::kNotEct,
                           {transmit->datagram.begin(), transmit->datagram.end()}});
  }
}

void Node::handle_relay_event(Timestamp now, Relay& relay, const turn::AllocationEvent& event) {
  if (const auto* found = std::get_if<turn::AddressDiscovered>(&event)) {
    note_discovered(now, relay, *found);
  } else if (const auto* added = std::get_if<turn::RelayedAddressAdded>(&event)) {
    for (const auto& connection : connections_.slots()) {
      if (!connection || connection->relay != relay.serial) continue;
      bind_channels(now, *connection);
      if (connection->accepts_relayed(now)) {
        add_local(now, *connection,
                  ice::Candidate::relayed(added->relayed, added->relay.ip.family()));
      }
      settle(now, *connection);
    }
    improve_relays(now);
  } else if (const auto* gone = std::get_if<turn::RelayedAddressRemoved>(&event)) {
    if (reset_at_) reset_at_ = now - kFalseAlarmWait;  // The alarm was right.
    remove_relayed(now, gone->relayed);
    improve_relays(now);
  } else {
    tracer_.trace(TraceLevel::kInfo, "node", "relay has other credentials",
                  {{"relay", relay.id.value()}});
  }
}

// D7: whichever relay showed it, it is a way to every peer.
void Node::note_discovered(Timestamp now, Relay& relay, const turn::AddressDiscovered& found) {
  relay.found[static_cast<size_t>(found.local.ip.family())] = found;
  for (const auto& connection : connections_.slots()) {
    if (!connection) continue;
    add_local(now, *connection, ice::Candidate::host(found.local));
    add_local(now, *connection, ice::Candidate::server_reflexive(found.mapped, found.local));
    settle(now, *connection);
  }
}

void Node::remove_relayed(Timestamp now, const SocketAddress& relayed) {
  for (const auto& connection : connections_.slots()) {
    if (!connection) continue;
    ice::IceAgent& agent = connection->agent();
    const auto locals = agent.local_candidates();
    const auto known = std::find_if(locals.begin(), locals.end(), [&](const auto& local) {
      return local.kind == ice::CandidateKind::kRelayed && local.address == relayed;
    });
    if (known == locals.end()) continue;
    const ice::Candidate candidate = *known;
    agent.invalidate_local_candidate(candidate, now);
    events_.push(CandidateRemoved{connection->peer(),
                                  ice::to_text(candidate, agent.local_credentials().ufrag())});
    // One that fails for the loss of its first address has the second to take back: the peer's half
    // may live on.
    if (connection->failure()) continue;
    connection->note_activity(now);
    settle(now, *connection);
  }
}

// --- Moving to another relay.

void Node::move_from(RelaySerial relay) {
  for (const auto& connection : connections_.slots()) {
    if (!connection || connection->relay != relay) continue;
    connection->relay.reset();
    homeless_.push_back(connection->ref());
  }
}

void Node::settle_homeless(Timestamp now) {
  if (homeless_.empty() || !relays_.has_usable()) return;
  for (const ConnectionRef ref : std::exchange(homeless_, {})) {
    Connection* connection = connections_.find(ref);
    if (connection == nullptr || connection->failure() || connection->relay) continue;
    if (const auto relay = relays_.sample()) move_to(now, *connection, *relay);
  }
}

// While nothing is selected, a connection whose relay is late moves to one that is not.
void Node::improve_relays(Timestamp now) {
  if (!relays_.has_allocated()) return;
  for (const auto& connection : connections_.slots()) {
    if (!connection || connection->failure() || connection->socket() || !connection->relay)
      continue;
    const Relay* relay = relays_.find(*connection->relay);
    if (relay != nullptr && relay->allocation->is_allocated()) continue;
    if (const auto better = relays_.sample()) move_to(now, *connection, *better);
  }
}

// What the connection has already stays; the freeze (D5) decides on what is new.
void Node::move_to(Timestamp now, Connection& connection, RelaySerial relay) {
  connection.relay = relay;
  bind_channels(now, connection);
  seed(now, connection);
  settle(now, connection);
}

// A relay that vouches for our allocation sees us where it saw us before (D12).
void Node::note_relay_answer(const Relay& relay, const SocketAddress& local) {
  if (!reset_at_ || relay.allocation->last_verified() <= *reset_at_) return;
  if (!relay.allocation->is_allocated()) return;
  const auto& found = relay.found[static_cast<size_t>(local.ip.family())];
  if (!found || found->local != local) return;
  tracer_.trace(TraceLevel::kInfo, "node", "network has not changed");
  reset_at_.reset();
}

}  // namespace connlib::snownet::node
