#include "snownet/node/relay_set.h"

#include <algorithm>
#include <utility>

#include "connlib/base/redacted.h"
#include "snownet/node/limits.h"
#include "snownet/node/relay_choice.h"

namespace connlib::snownet::node {

RelaySet::Listing RelaySet::list(Timestamp now, const RelayListing& listing) {
  auto credentials = turn::Credentials::create(listing.username, listing.realm, listing.password);
  const bool has_socket = listing.sockets.v4 || listing.sockets.v6;
  if (!credentials || !has_socket) {
    tracer_.trace(TraceLevel::kWarn, "node", "relay skipped", {{"relay", listing.id.value()}});
    return {Listed::kInvalid, nullptr};
  }
  const auto known = std::find_if(relays_.begin(), relays_.end(),
                                  [&](const Relay& relay) { return relay.id == listing.id; });
  if (known == relays_.end()) {
    if (relays_.size() == kMaxRelays) {
      tracer_.trace(TraceLevel::kWarn, "node", "too many relays", {{"relay", listing.id.value()}});
      return {Listed::kInvalid, nullptr};
    }
    auto allocation = std::make_unique<turn::Allocation>(listing.sockets, credentials->clone(),
                                                         random_, tracer_, now);
    relays_.push_back(
        {listing.id, RelaySerial(++last_serial_), std::move(allocation), std::move(*credentials)});
    return {Listed::kNew, nullptr};
  }
  const bool has_same_sockets = known->allocation->sockets() == listing.sockets;
  if (has_same_sockets && known->credentials == *credentials) return {Listed::kUnchanged, nullptr};
  known->credentials = credentials->clone();
  if (has_same_sockets) {
    known->allocation->set_credentials(now, std::move(*credentials));
    return {Listed::kRenewed, nullptr};
  }
  remember(known->allocation->sockets());
  auto fresh = std::make_unique<turn::Allocation>(listing.sockets, std::move(*credentials), random_,
                                                  tracer_, now);
  known->found = {};
  return {Listed::kReplaced, std::exchange(known->allocation, std::move(fresh))};
}

std::optional<Relay> RelaySet::remove(const RelayId& id) {
  const auto known = std::find_if(relays_.begin(), relays_.end(),
                                  [&](const Relay& relay) { return relay.id == id; });
  if (known == relays_.end()) return std::nullopt;
  Relay removed = std::move(*known);
  relays_.erase(known);
  remember(removed.allocation->sockets());
  return removed;
}

std::optional<Relay> RelaySet::take_failed() {
  for (const Relay& relay : relays_) {
    if (relay.allocation->failure()) return remove(RelayId(relay.id));
  }
  return std::nullopt;
}

bool RelaySet::has_failed() const {
  return std::any_of(relays_.begin(), relays_.end(),
                     [](const Relay& relay) { return relay.allocation->failure().has_value(); });
}

Relay* RelaySet::find(RelaySerial serial) {
  for (Relay& relay : relays_) {
    if (relay.serial == serial) return &relay;
  }
  return nullptr;
}

Relay* RelaySet::at(const SocketAddress& socket) {
  for (Relay& relay : relays_) {
    if (relay.allocation->sockets().contains(socket)) return &relay;
  }
  return nullptr;
}

Relay* RelaySet::serving(const SocketAddress& relayed) {
  for (Relay& relay : relays_) {
    if (relay.allocation->relayed_address(relayed.ip.family()) == relayed) return &relay;
  }
  return nullptr;
}

bool RelaySet::is_former(const SocketAddress& socket) const {
  return std::find(former_.begin(), former_.end(), socket) != former_.end();
}

void RelaySet::remember(const turn::RelaySockets& sockets) {
  for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
    const auto& socket = sockets.of(family);
    if (!socket || is_former(*socket)) continue;
    if (former_.size() == kMaxFormerRelaySockets) former_.pop_front();
    former_.push_back(*socket);
  }
}

// D14: a relay that nothing will come of is not worth a connection, however near it is. And one
// whose allocation is still on its way may yet turn out to be such.
std::optional<RelaySerial> RelaySet::sample() {
  const bool only_allocated = has_allocated();
  std::vector<RelaySerial> usable;
  std::vector<Duration> round_trips;
  for (const Relay& relay : relays_) {
    const turn::Allocation& allocation = *relay.allocation;
    const auto round_trip = allocation.round_trip_time();
    if (!round_trip || allocation.failure() || allocation.is_suspended()) continue;
    if (only_allocated && !allocation.is_allocated()) continue;
    usable.push_back(relay.serial);
    round_trips.push_back(*round_trip);
  }
  const auto choice = choose_relay(round_trips, random_);
  if (!choice) return std::nullopt;
  return usable[*choice];
}

bool RelaySet::has_allocated() const {
  return std::any_of(relays_.begin(), relays_.end(), [](const Relay& relay) {
    return relay.allocation->is_allocated() && relay.allocation->round_trip_time();
  });
}

bool RelaySet::has_usable() const {
  return std::any_of(relays_.begin(), relays_.end(), [](const Relay& relay) {
    return relay.allocation->round_trip_time() && !relay.allocation->failure() &&
           !relay.allocation->is_suspended();
  });
}

}  // namespace connlib::snownet::node
