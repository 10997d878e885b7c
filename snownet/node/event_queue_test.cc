#include "snownet/node/event_queue.h"

#include <catch2/catch.hpp>

#include "snownet/node/lab.h"

namespace connlib::snownet::node {
namespace {

using testing::kPeer;
using testing::Lab;

TEST_CASE("at its limit the queue of events takes no more candidates, but news of connections") {
  EventQueue queue;
  queue.push(Established{PeerId(1)});
  for (size_t i = 0; i < kMaxQueuedEvents + 10; ++i) queue.push(CandidateAdded{kPeer, {}, 1});
  queue.push(CandidateRemoved{kPeer, {}});
  CHECK(queue.size() == kMaxQueuedEvents);
  CHECK(queue.dropped() == 12);
  queue.push(Failed{kPeer, FailureReason::kNoPath});
  CHECK(queue.size() == kMaxQueuedEvents + 1);
  CHECK(queue.pop() == NodeEvent(Established{PeerId(1)}));
}

TEST_CASE("of too many events about connections the oldest are lost") {
  EventQueue queue;
  for (size_t i = 0; i < 2 * kMaxQueuedEvents + 3; ++i) queue.push(Closed{PeerId(i)});
  CHECK(queue.size() == 2 * kMaxQueuedEvents);
  CHECK(queue.dropped() == 3);
  CHECK(queue.pop() == NodeEvent(Closed{PeerId(3)}));
}

TEST_CASE("a portal that authorizes again and again cannot fill memory with candidates") {
  Lab lab;
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 2s));
  Node& node = *lab.a.node;
  size_t reused = 0;
  for (size_t i = 0; i < kMaxQueuedEvents && node.dropped_events() == 0; ++i) {
    const auto outcome = node.upsert_connection(lab.now, kPeer, lab.options_for(lab.a));
    reused += outcome == Upserted::kReused ? 1 : 0;
  }
  CHECK(reused > 1000);
  CHECK(node.dropped_events() > 0);
  size_t events = 0;
  while (node.poll_event()) ++events;
  CHECK(events == kMaxQueuedEvents);
  node.upsert_connection(lab.now, kPeer, lab.options_for(lab.a));
  CHECK(node.poll_event().has_value());  // It is told anew.
}

}  // namespace
}  // namespace connlib::snownet::node
