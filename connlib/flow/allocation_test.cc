// A program of its own: it counts every allocation of the process.
#include <catch2/catch.hpp>

#include "connlib/flow/flow_tracker.h"
#include "tests/bench/allocation_counter.h"
#include "tests/support/start_time.h"

namespace connlib::flow {
namespace {

TEST_CASE("packets of flows that are known allocate nothing") {
  FlowTracker tracker(testing::kStart, absl::UnixEpoch());
  tracker.enable(0);
  const Attribution attribution = tracker.attribute(SecretText("token"));
  const SocketAddress peer{Ipv4Address{{203, 0, 113, 7}}, 40'000};
  const auto see = [&](uint16_t port, Timestamp now) {
    const Sighting packet{.source = {Ipv4Address{{100, 64, 0, 7}}, port},
                          .destination = {Ipv4Address{{10, 1, 2, 3}}, 53},
                          .payload_bytes = 100};
    tracker.handle_packet(now, {attribution, Direction::kToResponder, packet, std::nullopt, peer},
                          [] { return std::string("a name that is long enough for the heap"); });
  };
  for (uint16_t port = 1; port <= 1'000; ++port) see(port, testing::kStart);
  const uint64_t before = bench::allocations();
  REQUIRE(before > 0);
  for (int round = 1; round <= 100; ++round) {
    const Timestamp now = testing::kStart + std::chrono::seconds(round);
    for (uint16_t port = 1; port <= 1'000; ++port) see(port, now);
    tracker.handle_timeout(now);
    static_cast<void>(tracker.poll_timeout());
  }
  CHECK(bench::allocations() == before);
  CHECK(tracker.size() == 1'000);
}

}  // namespace
}  // namespace connlib::flow
