#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "connlib/base/random_source.h"
#include "connlib/base/strong.h"
#include "connlib/base/trace.h"
#include "connlib/base/wakeup.h"
#include "connlib/model/ids.h"
#include "snownet/node/relay_listing.h"
#include "snownet/turn/allocation.h"

namespace connlib::snownet::node {

// RelaySerial names one relay of this set, from its listing to its removal; never reused.
using RelaySerial = Strong<struct RelaySerialTag, uint32_t>;

// Relay is one relay and our allocation there. Its serial stays when its addresses change.
struct Relay {
  RelayId id;
  RelaySerial serial;
  std::unique_ptr<turn::Allocation> allocation;
  turn::Credentials credentials;
  // What the latest Binding answers showed, by family: one host and one reflexive address each.
  std::array<std::optional<turn::AddressDiscovered>, 2> found{};
};

// RelaySet is the relays we may use: who is who by socket and by relayed address, which one a new
// connection should take, and which sockets were relays' until lately. What allocations report is
// for the owner to drain; relays are few, so that walking all of them is cheap.
class RelaySet {
 public:
  RelaySet(RandomSource& random, Tracer& tracer) : random_(random), tracer_(tracer) {}

  // What an entry of the portal's list meant.
  enum class Listed : uint8_t {
    kInvalid,  // Credentials that cannot be, no address, or beyond kMaxRelays: skipped.
    kNew,
    kUnchanged,
    kRenewed,   // Other credentials: what was found out stays.
    kReplaced,  // Other sockets: a fresh allocation, and `former` the one that must be dismissed.
  };
  struct Listing {
    Listed what;
    std::unique_ptr<turn::Allocation> former;
  };
  Listing list(Timestamp now, const RelayListing& listing);

  // remove() gives the relay to the caller, who dismisses its allocation; nullopt when unknown.
  std::optional<Relay> remove(const RelayId& id);
  // take_failed() removes the first relay of which nothing will come; nullopt when there is none.
  std::optional<Relay> take_failed();
  bool has_failed() const;

  Relay* find(RelaySerial serial);
  Relay* at(const SocketAddress& socket);        // Which listens there.
  Relay* serving(const SocketAddress& relayed);  // Which serves this address for us.
  // A relay listened there that was removed. Its other ports may serve somebody else, a peer too.
  bool is_former(const SocketAddress& socket) const;

  // sample() chooses the relay of a connection (snownet §4.2): one that is near, of those that hold
  // an allocation if there are any (D14). nullopt when none has answered yet.
  std::optional<RelaySerial> sample();
  bool has_allocated() const;
  bool has_usable() const;

  std::span<Relay> all() { return relays_; }
  std::span<const Relay> all() const { return relays_; }
  bool empty() const { return relays_.empty(); }

 private:
  void remember(const turn::RelaySockets& sockets);

  RandomSource& random_;
  Tracer& tracer_;
  std::vector<Relay> relays_;         // In the order in which they were listed.
  std::deque<SocketAddress> former_;  // Oldest first, at most kMaxFormerRelaySockets.
  uint32_t last_serial_ = 0;
};

}  // namespace connlib::snownet::node
