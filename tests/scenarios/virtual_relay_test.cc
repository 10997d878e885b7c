// The relay of the simulator as its clients see it: it must have the faults that real ones have.
#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/scenarios/deployment.h"

namespace connlib::scenarios {
namespace {

// One relay, and both peers have an allocation there.
class OneRelay {
 public:
  explicit OneRelay(const Edge& edge)
      : telling_(7, 0, 0s, false), d(telling_, {.client = edge, .gateway = edge, .relays = 1}) {}

  bool is_allocated(const Party& party) const {
    const auto relays = party->node().relays();
    return std::any_of(relays.begin(), relays.end(), [](const snownet::node::Relay& relay) {
      return relay.allocation->is_allocated();
    });
  }
  const sim::RelayMachine& relay() { return *d.relay(0).machine.machine; }

 private:
  Telling telling_;

 public:
  Deployment d;
};

TEST_CASE("a relay that reboots has closed its ports, and clients with good accounts come back") {
  OneRelay lab(kPortRestricted);
  lab.d.warm_up();
  REQUIRE(lab.relay().open_ports().size() == 2);
  const auto before = lab.relay().open_ports();
  sim::reboot(lab.d.world, lab.d.relay(0), std::string(lab.d.relay(0).secret));
  CHECK(lab.relay().open_ports().empty());
  CHECK(lab.relay().server().allocation_count() == 0);
  // A Binding is answered as if nothing had happened; the Refresh once a minute is not.
  lab.d.world.run_for(90s);
  CHECK(lab.relay().open_ports().size() == 2);
  CHECK(lab.relay().open_ports() != before);
  CHECK(lab.is_allocated(lab.d.client()));
  CHECK(lab.is_allocated(lab.d.gateway()));
}

TEST_CASE("a relay that reboots with another secret takes old accounts no more, new ones it does") {
  OneRelay lab(kPortRestricted);
  lab.d.warm_up();
  lab.d.reboot_relay(0);  // The portal does not know, and goes on issuing what is no good.
  lab.d.world.run_for(3min);
  CHECK(lab.relay().open_ports().empty());
  CHECK_FALSE(lab.is_allocated(lab.d.client()));
  CHECK_FALSE(lab.d.client()->history().first(Happening::kNoRelays).is_never());

  lab.d.list_relay(0);
  lab.d.world.run_for(30s);
  CHECK(lab.relay().open_ports().size() == 2);
  CHECK(lab.is_allocated(lab.d.client()));
}

TEST_CASE("a relay that dies is given up, and a connection through it ends at both peers") {
  OneRelay lab(kSymmetric);
  lab.d.connect();
  REQUIRE(lab.d.path_kind() == PathKind::kRelayToRelay);
  const Timestamp since = lab.d.world.now();
  lab.d.kill_relay(0);
  lab.d.world.run_for(20s);
  CHECK(lab.d.client()->history().count(Happening::kFailed, since) == 1);
  lab.d.world.run_for(5min);
  for (const Party& party : lab.d.parties()) {
    CAPTURE(party.id());
    CHECK(party->history().count(Happening::kFailed, since) > 0);
    CHECK_FALSE(party->history().first(Happening::kNoRelays, since).is_never());
    CHECK_FALSE(lab.is_allocated(party));
  }
}

TEST_CASE("a relay goes on to the next port when another program has the one it chose") {
  OneRelay lab(kOpen);
  lab.d.world.act(lab.d.relay(0).machine, [](sim::RelayMachine& relay, Timestamp /*now*/) {
    for (uint32_t port = 49152; port <= 65535; port += 2) {
      relay.occupy(static_cast<uint16_t>(port));
    }
  });
  lab.d.warm_up();
  REQUIRE(lab.relay().open_ports().size() == 2);
  for (const uint16_t port : lab.relay().open_ports()) CHECK(port % 2 == 1);
}

}  // namespace
}  // namespace connlib::scenarios
