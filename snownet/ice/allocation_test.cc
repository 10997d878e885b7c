// A program of its own: it counts every allocation of the process.
#include <catch2/catch.hpp>

#include "snownet/ice/scripted_peer.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::snownet::ice {
namespace {

using testing::kStart;

TEST_CASE("checks, answers, refusals and deadlines of a formed list allocate nothing") {
  testing::TwoAgents net;
  net.offer(net.b, testing::relayed("203.0.113.9:9000"));
  net.connect_hosts();
  net.run_for(1min);
  REQUIRE(net.a.agent.state() == IceState::kConnected);

  Timestamp now = net.now;
  size_t exchanged = 0;
  const auto pass = [&](IceAgent& from, IceAgent& to) {
    if (from.poll_timeout().at <= now) from.handle_timeout(now);
    while (auto out = from.poll_transmit()) {
      const Path path{out->path.remote, out->path.local};
      exchanged += to.handle_datagram(now, path, out->message.bytes()) ? 0U : 1U;
      // Once more, as a replay of an answer or a check for somebody else.
      from.handle_datagram(now, out->path, out->message.bytes());
    }
    while (from.poll_event()) continue;
  };
  const uint64_t before = bench::allocations();
  REQUIRE(before > 0);
  for (int i = 0; i < 1000; ++i) {
    now += 100ms;
    pass(net.a.agent, net.b.agent);
    pass(net.b.agent, net.a.agent);
    pass(net.a.agent, net.b.agent);
  }
  const uint64_t allocated = bench::allocations() - before;
  CHECK(allocated == 0);
  CHECK(exchanged > 200);
}

}  // namespace
}  // namespace connlib::snownet::ice
