#include "tests/scenarios/invariants.h"

#include <algorithm>

#include <fmt/format.h>

#include "connlib/base/bytes.h"
#include "snownet/node/limits.h"
#include "snownet/stun/channel_data.h"
#include "tests/scenarios/deployment.h"
#include "wireguard/cookie/macs.h"
#include "wireguard/noise/messages.h"

namespace connlib::scenarios {

namespace ice = snownet::ice;
namespace stun = snownet::stun;

namespace {

// A handshake message is repeated after this long (snownet §4.5); before that a second one means
// that two handshakes compete.
constexpr Duration kRekeyTimeout = 5s;

// Those of a tunnel: three generations, and two initiations in flight.
constexpr size_t kMaxIndicesPerConnection = 5;

bool is_on(const sim::VirtualRelay& relay, const SocketAddress& socket) {
  return std::any_of(relay.sockets.begin(), relay.sockets.end(),
                     [&](const auto& each) { return each == socket; });
}

}  // namespace

void Invariants::watch() {
  deployment_.world.on_transmit(
      [this](sim::MachineId from, const sim::Datagram& d) { note_transmit(from, d); });
}

void Invariants::forget(const Party& party) {
  std::erase_if(in_flight_, [&](const auto& each) { return each.first.first == party.id(); });
  std::erase_if(last_selected_, [&](const auto& each) { return each.first.first == party.id(); });
}

void Invariants::fail_once(const std::string& what) {
  if (!failed_.insert(what).second) return;
  telling_.fail(what);
  deployment_.world.trace().record("invariants", what);
}

// --- On the wire

void Invariants::note_transmit(sim::MachineId from, const sim::Datagram& datagram) {
  const auto& parties = deployment_.parties();
  const auto party = std::find_if(parties.begin(), parties.end(),
                                  [&](const Party& p) { return p.peer.id == from; });
  if (party == parties.end() || party->peer.machine == nullptr) return;
  remember_selected(*party);  // A goodbye leaves when its agent is gone.
  std::span<const uint8_t> message = datagram.bytes;
  const auto framed = stun::parse_channel_data(message);
  if (framed) message = framed->payload;
  if (message.size() < 4 || message[1] != 0 || message[2] != 0 || message[3] != 0) return;
  if (message[0] == 1 && message.size() == wireguard::kInitiationBytes) {
    note_initiation(*party, message);
  } else if (message[0] == 2 && message.size() == wireguard::kResponseBytes) {
    note_response(message);
  } else if (message[0] == 4 && message.size() > wireguard::kDataMinBytes) {
    note_data(*party, datagram, framed.has_value());
  }
}

// To whom an initiation goes only its mac1 tells: it is keyed with the receiver's public key.
void Invariants::note_initiation(const Party& from, std::span<const uint8_t> message) {
  ++initiations_;
  const Timestamp now = deployment_.world.now();
  for (const Party& to : deployment_.parties()) {
    if (to.peer.machine == nullptr) continue;
    const auto keys = wireguard::MacKeys::of(to->node().public_key());
    if (!wireguard::is_mac1_valid(keys, message)) continue;
    const Ends ends{from.id(), to.id()};
    const auto before = in_flight_.find(ends);
    // The first ones are repeated sooner, but an answer must have had the time to come: by the
    // shortest way that there is, longer ones being the node's to know.
    const Timestamp created_at = from->history().last(Happening::kCreated, to.id());
    const Duration round_trip = 2 * (from.latency + to.latency);
    const Duration spacing = has_session_since(from, to, created_at)
                                 ? kRekeyTimeout
                                 : std::max(round_trip, snownet::node::kMinHandshakeRepeat);
    if (before != in_flight_.end() && now < before->second.sent_at + spacing &&
        !has_begun_anew(from, to.id(), before->second.sent_at) &&
        !has_session_since(from, to, before->second.sent_at)) {
      fail_once(fmt::format("{} has two initiations to {} in flight", from.id(), to.id()));
    }
    in_flight_[ends] = {now, load_le32(message.data() + 4)};
  }
}

void Invariants::note_response(std::span<const uint8_t> message) {
  const uint32_t receiver_index = load_le32(message.data() + 8);
  std::erase_if(in_flight_,
                [&](const auto& each) { return each.second.sender_index == receiver_index; });
}

bool Invariants::has_begun_anew(const Party& from, const std::string& to, Timestamp since) const {
  const auto& entries = from->history().entries();
  return std::any_of(entries.begin(), entries.end(), [&](const History::Entry& entry) {
    return entry.at >= since && entry.peer == to &&
           (entry.what == Happening::kCreated || entry.what == Happening::kForgotten ||
            entry.what == Happening::kClosed || entry.what == Happening::kFailed);
  });
}

// A session by the other end's initiation ends the handshake that `from` had begun (wireguard
// §4.4); whatever makes it begin another, the first is not in flight any more.
bool Invariants::has_session_since(const Party& from, const Party& to, Timestamp since) const {
  const auto& device = from->node().device();
  const auto tunnel = device.find_peer(to->node().public_key());
  if (!tunnel) return false;
  const Timestamp last = device.tunnel(*tunnel).stats().last_handshake;
  return !last.is_never() && last >= since;
}

void Invariants::remember_selected(const Party& from) {
  for (const Party& to : deployment_.parties()) {
    const auto peer = from->peer_id(to.id());
    const ice::IceAgent* agent = peer ? from->node().agent(*peer) : nullptr;
    if (agent == nullptr || !agent->last_reported()) continue;
    last_selected_[{from.id(), to.id()}] = *agent->last_reported();
  }
}

// Packets of applications go to a selected socket, bare or through the relay that serves it.
// Between two packets a path may come and go; while nothing is selected, the last one counts
// (snownet §4.3).
void Invariants::note_data(const Party& from, const sim::Datagram& datagram, bool is_framed) {
  for (const Party& to : deployment_.parties()) {
    const auto selected = last_selected_.find({from.id(), to.id()});
    if (selected == last_selected_.end()) continue;
    const ice::Path& path = selected->second;
    if (!is_framed) {
      if (path.remote == datagram.destination && path.local == datagram.source) return;
      continue;
    }
    const auto serves = [&](const auto& relay) {
      return is_on(relay, datagram.destination) &&
             std::any_of(relay.sockets.begin(), relay.sockets.end(),
                         [&](const auto& socket) { return socket && socket->ip == path.local.ip; });
    };
    const auto& relays = deployment_.relays();
    if (std::any_of(relays.begin(), relays.end(), serves)) return;
  }
  fail_once(fmt::format("{} sends data to {}, which is not selected", from.id(),
                        to_text(datagram.destination)));
}

// --- At rest

void Invariants::check_rest() {
  const auto& parties = deployment_.parties();
  for (const Party& party : parties) {
    if (party.peer.machine == nullptr) continue;
    check_memory(party);
    for (const Party& other : parties) {
      if (other.peer.machine != nullptr && &other != &party) check_candidates(party, other);
    }
  }
}

// Each end knows every candidate that the other has, and no address of a relay that the other gave
// up. (One that it still holds may be of a half that was lost, and works.)
void Invariants::check_candidates(const Party& a, const Party& b) {
  const auto there = a->peer_id(b.id());
  const auto here = b->peer_id(a.id());
  const auto* ours = there ? a->node().agent(*there) : nullptr;
  const auto* theirs = here ? b->node().agent(*here) : nullptr;
  if (ours == nullptr || theirs == nullptr) return;
  // A portal keeps nothing for who has no channel: of what was lost that way `a` cannot know.
  const Timestamp lost_at = std::max(deployment_.portal->last_lost(a.id()), a->last_unheard_at());
  if (lost_at >= a->history().last(Happening::kCreated, b.id())) return;
  const auto known = ours->remote_candidates();
  const auto all = theirs->local_candidates();
  const auto contains = [](const auto& candidates, const ice::Candidate& one) {
    return std::any_of(candidates.begin(), candidates.end(), [&](const ice::Candidate& each) {
      return each.kind == one.kind && each.address == one.address;
    });
  };
  for (const ice::Candidate& each : all) {
    if (each.kind == ice::CandidateKind::kPeerReflexive || contains(known, each)) continue;
    fail_once(fmt::format("{} does not know {}'s candidate {} {}", a.id(), b.id(),
                          ice::name(each.kind), to_text(each.address)));
  }
  // A half that was lost may have had others; who kept the other half was never told otherwise.
  const auto created_at = [](const Party& from, const Party& to) {
    return from->history().last(Happening::kCreated, to.id());
  };
  if (created_at(b, a) > created_at(a, b)) return;
  const auto relays = b->node().relays();
  for (const ice::Candidate& each : known) {
    if (each.kind != ice::CandidateKind::kRelayed || contains(all, each)) continue;
    const auto is_held = [&](const auto& relay) {
      return relay.allocation->relayed_address(each.address.ip.family()) == each.address;
    };
    if (std::any_of(relays.begin(), relays.end(), is_held)) continue;
    fail_once(fmt::format("{} still believes in {}'s relayed address {}", a.id(), b.id(),
                          to_text(each.address)));
  }
}

void Invariants::check_memory(const Party& party) {
  const auto is_another_side = [&](const Party& p) {
    return p.peer.machine != nullptr && p.options.side != party.options.side;
  };
  const auto& parties = deployment_.parties();
  const auto others = std::count_if(parties.begin(), parties.end(), is_another_side);
  const auto expect = [&](bool holds, const char* what) {
    if (!holds) fail_once(fmt::format("{} keeps {}", party.id(), what));
  };
  expect(party->node().connection_count() <= static_cast<size_t>(others), "old connections");
  const auto& device = party->node().device();
  expect(device.peer_count() == party->node().connection_count(), "tunnels of old connections");
  expect(device.index_count() <= kMaxIndicesPerConnection * device.peer_count(), "old sessions");
  expect(party->node().relays().size() <= deployment_.relays().size(), "old relays");
  expect(party->pending() == 0, "packets back");
  expect(!party->portal().is_open() || party->portal().held() == 0, "candidates back");
}

}  // namespace connlib::scenarios
