// Candidates over time, in whole worlds: what relays show of a NAT, and who hears of it.
#include <catch2/catch.hpp>

#include "tests/scenarios/deployment.h"

namespace connlib::scenarios {
namespace {

struct World {
  explicit World(const DeploymentOptions& options) : d(telling, options) {}

  Telling telling{7, 0, 0s, false};
  Deployment d;
};

}  // namespace

// Lesson 30: each answer to a keep-alive of an idle relay could show another port.
TEST_CASE("thirty keep-alives behind a symmetric NAT signal no more candidates") {
  World world({.client = kSymmetric, .gateway = kPortRestricted, .relays = 2});
  world.d.connect();
  const uint64_t before = world.d.client()->candidates_signalled();
  // Host, mapped and relayed addresses, of two families, at each relay.
  CHECK(before <= 3 * 2 * 2);
  world.d.world.run_for(30 * 25s);
  CHECK(world.d.client()->candidates_signalled() == before);
}

// Lesson 26: whoever lost a relay lost its own address along with it.
TEST_CASE("a relay without capacity does not cost the direct path") {
  World world({.client = kPortRestricted, .gateway = kPortRestricted, .relays = 3});
  Deployment& d = world.d;
  d.choose_relays(d.client(), {"relay 1", "relay 2"});
  d.choose_relays(d.gateway(), {"relay 3"});
  d.world.act(d.relay(0).machine, [](sim::RelayMachine& machine, Timestamp) {
    machine.set_fault([](const snownet::stun::Message& request) {
      return request.type().method == snownet::stun::Method::kAllocate
                 ? std::optional(snownet::stun::ErrorCode::kInsufficientCapacity)
                 : std::nullopt;
    });
  });
  d.connect();
  CHECK(d.path_kind() == PathKind::kDirect);
}

}  // namespace connlib::scenarios
