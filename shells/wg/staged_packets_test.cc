#include "shells/wg/staged_packets.h"

#include <catch2/catch.hpp>

namespace connlib::wg {
namespace {

bool push(StagedPackets& staged, uint8_t mark, size_t bytes = 4) {
  const std::span<uint8_t> room = staged.push(bytes);
  if (room.empty()) return false;
  room[0] = mark;
  return true;
}

uint8_t pop(StagedPackets& staged) {
  const uint8_t mark = staged.front()[0];
  staged.pop();
  return mark;
}

}  // namespace

TEST_CASE("staged packets leave in the order they came") {
  StagingBudget budget;
  StagedPackets staged(budget);
  CHECK(push(staged, 1, 20));
  CHECK(push(staged, 2, 1420));
  CHECK(staged.size() == 2);
  CHECK(staged.front().size() == 20);
  CHECK(pop(staged) == 1);
  CHECK(staged.front().size() == 1420);
  CHECK(pop(staged) == 2);
  CHECK(staged.empty());
  CHECK(staged.dropped() == 0);
}

TEST_CASE("one packet too many costs the oldest") {
  StagingBudget budget;
  StagedPackets staged(budget);
  for (size_t i = 0; i <= StagedPackets::kMaxPackets; ++i) push(staged, static_cast<uint8_t>(i));
  CHECK(staged.size() == StagedPackets::kMaxPackets);
  CHECK(staged.dropped() == 1);
  CHECK(pop(staged) == 1);
}

TEST_CASE("a packet that no longer fits the budget costs the peer's own oldest ones") {
  StagingBudget budget(100);
  StagedPackets staged(budget);
  for (uint8_t i = 0; i < 4; ++i) push(staged, i, 25);
  CHECK(push(staged, 4, 40));
  CHECK(staged.dropped() == 2);
  CHECK(staged.size() == 3);
  CHECK(pop(staged) == 2);
  CHECK(budget.free_bytes() == 35);
}

TEST_CASE("a peer without packets is refused when the others hold the whole budget") {
  StagingBudget budget(100);
  StagedPackets greedy(budget);
  StagedPackets late(budget);
  push(greedy, 1, 100);
  CHECK_FALSE(push(late, 2));
  CHECK(late.dropped() == 1);
  CHECK(greedy.size() == 1);
  pop(greedy);
  CHECK(push(late, 2));
}

TEST_CASE("clearing drops, counts and returns the budget") {
  StagingBudget budget(100);
  {
    StagedPackets staged(budget);
    push(staged, 1, 30);
    push(staged, 2, 30);
    staged.clear();
    CHECK(staged.dropped() == 2);
    CHECK(budget.free_bytes() == 100);
    push(staged, 3, 30);
  }
  CHECK(budget.free_bytes() == 100);
}

TEST_CASE("staging goes on after the ring has wrapped") {
  StagingBudget budget;
  StagedPackets staged(budget);
  uint8_t in = 0;
  uint8_t out = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 3; ++i) push(staged, in++);
    for (int i = 0; i < 2; ++i) {
      if (pop(staged) != out++) FAIL("out of order");
    }
    if (staged.size() > 250) {
      while (!staged.empty()) {
        if (pop(staged) != out++) FAIL("out of order");
      }
    }
  }
  CHECK(staged.dropped() == 0);
}

}  // namespace connlib::wg
