// The relay of the simulator as its clients see it: it must have the faults that real ones have.
#include "tests/scenarios/ice_story.h"

namespace connlib::scenarios {
namespace {

constexpr const char* kSecret = "a stamp secret of the simulator";

// One relay, both peers allocated on it.
Meeting one_relay() {
  return Meeting(7, {.client = kPortRestricted, .gateway = kPortRestricted, .relays = 1});
}

TEST_CASE("a relay that reboots has closed its ports, and clients with good accounts come back") {
  Meeting meeting = one_relay();
  meeting.world.run_for(5s);
  const sim::VirtualRelay& relay = meeting.relays[0];
  REQUIRE(relay.machine->open_ports().size() == 2);
  const auto before = relay.machine->open_ports();
  sim::reboot(meeting.world, meeting.relays[0], kSecret);
  CHECK(relay.machine->open_ports().empty());
  CHECK(relay.machine->server().allocation_count() == 0);
  // A Binding is answered as if nothing had happened; the Refresh once a minute is not.
  meeting.world.run_for(90s);
  CHECK(relay.machine->open_ports().size() == 2);
  CHECK(relay.machine->open_ports() != before);
  CHECK(meeting.client->allocation(0).is_allocated());
}

TEST_CASE("a relay that reboots with another secret takes old accounts no more, new ones it does") {
  Meeting meeting = one_relay();
  meeting.world.run_for(5s);
  sim::reboot(meeting.world, meeting.relays[0], "another secret");
  meeting.world.run_for(3min);
  CHECK(meeting.relays[0].machine->open_ports().empty());
  CHECK_FALSE(meeting.client->allocation(0).is_allocated());

  const auto account = meeting.relays[0].account_for("somebody new");
  IcePeerOptions options{.role = snownet::ice::Role::kControlling,
                         .local = *snownet::ice::Credentials::of("newc", "passwordOf22Characters"),
                         .remote = *snownet::ice::Credentials::of("newg", "passwordOf22Characters"),
                         .timing = {},
                         .port = 52625,
                         .relays = {}};
  options.relays.push_back({"relay 1",
                            {meeting.relays[0].sockets[0], meeting.relays[0].sockets[1]},
                            account.username,
                            account.realm,
                            account.password});
  const auto host = meeting.world.add_host("newcomer");
  const std::vector<sim::PortRange> ports = {sim::port(options.port)};
  const auto newcomer = meeting.world.emplace<IcePeer>(
      host, "newcomer", ports, std::move(options), meeting.world.fork_random(),
      meeting.world.tracer("newcomer"), meeting.world.now());
  meeting.world.run_for(2s);
  CHECK(newcomer->allocation(0).is_allocated());
}

TEST_CASE("a relay that dies is given up, and a connection through it ends at both peers") {
  Meeting meeting(7, {.client = kSymmetric, .gateway = kSymmetric, .relays = 1});
  REQUIRE(meeting.introduce());
  REQUIRE(meeting.settle(5s, kQuiet));
  REQUIRE(meeting.path_kind() == PathKind::kRelayToRelay);
  meeting.world.kill(meeting.relays[0].machine.id);
  meeting.world.run_for(20s);
  CHECK(meeting.client->state() == IcePeer::State::kFailed);
  meeting.world.run_for(5min);
  CHECK_FALSE(meeting.client->no_relays_since().is_never());
  CHECK_FALSE(meeting.gateway->no_relays_since().is_never());
  CHECK(meeting.gateway->state() == IcePeer::State::kFailed);
}

TEST_CASE("a relay goes on to the next port when another program has the one it chose") {
  Meeting meeting(7, {.client = kOpen, .gateway = kOpen, .relays = 1});
  meeting.world.act(meeting.relays[0].machine, [](sim::RelayMachine& relay, Timestamp /*now*/) {
    for (uint32_t port = 49152; port <= 65535; port += 2) {
      relay.occupy(static_cast<uint16_t>(port));
    }
  });
  meeting.world.run_for(3s);
  REQUIRE(meeting.relays[0].machine->open_ports().size() == 2);
  for (const uint16_t port : meeting.relays[0].machine->open_ports()) CHECK(port % 2 == 1);
}

}  // namespace
}  // namespace connlib::scenarios
