#include "tests/scenarios/peer/transfer.h"

#include <catch2/catch.hpp>

namespace connlib::scenarios {
namespace {

constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'000'000'000'000);

size_t send_all(TransferSender& sender, Timestamp now) {
  size_t count = 0;
  while (sender.next(now)) ++count;
  return count;
}

TEST_CASE("transfer: a window goes out at once, and more with each acknowledgement") {
  TransferSender sender({.segments = 20}, kStart);
  CHECK(send_all(sender, kStart) == kTransferWindow);
  sender.acknowledge(3, kStart + 10ms);
  CHECK(send_all(sender, kStart + 10ms) == 3);
}

TEST_CASE("transfer: silence doubles the wait, and everything that was on its way is repeated") {
  TransferSender sender({.gives_up_after = 300s, .segments = 8}, kStart);
  send_all(sender, kStart);
  CHECK(sender.next_at() == kStart + 1s);
  CHECK(sender.next(kStart + 1s) == 0U);
  CHECK(sender.next_at() == kStart + 3s);
  CHECK(sender.next(kStart + 3s) == 0U);
  CHECK(sender.next_at() == kStart + 7s);
  sender.acknowledge(1, kStart + 4s);
  CHECK(sender.next(kStart + 4s) == 1U);
  sender.acknowledge(2, kStart + 5s);
  CHECK(sender.next(kStart + 5s) == 2U);
  CHECK_FALSE(sender.next(kStart + 5s));
}

TEST_CASE("transfer: the wait follows the round trip, within what the system allows") {
  TransferSender sender({.least_timeout = 200ms, .segments = 20, .interval = 1s}, kStart);
  REQUIRE(sender.next(kStart));
  sender.acknowledge(1, kStart + 400ms);  // 400 ms and four times their half.
  REQUIRE(sender.next(kStart + 1s));
  CHECK(sender.next_at() == kStart + 2s);  // The next one is written.
  REQUIRE(sender.next(kStart + 2s));
  CHECK(sender.next_at() == kStart + 1s + 1200ms);
  for (int i = 0; i < 8; ++i) sender.acknowledge(sender.acknowledged() + 1, kStart + 2210ms);
  CHECK(sender.longest_wait() == 1210ms);
}

TEST_CASE("transfer: an application that is silent has nobody to give up") {
  TransferSender sender({.gives_up_after = 10s, .segments = 8, .interval = 60s}, kStart);
  REQUIRE(sender.next(kStart));
  sender.acknowledge(1, kStart + 100ms);
  sender.handle_timeout(kStart + 59s);
  CHECK_FALSE(sender.has_given_up());
  CHECK(sender.next(kStart + 60s));
}

TEST_CASE("transfer: without progress it gives up when its user's patience ends") {
  TransferSender sender({.gives_up_after = 30s, .segments = 8}, kStart);
  send_all(sender, kStart);
  sender.acknowledge(1, kStart + 5s);
  sender.handle_timeout(kStart + 35s - 1ms);
  CHECK_FALSE(sender.has_given_up());
  sender.handle_timeout(kStart + 35s);
  CHECK(sender.has_given_up());
  CHECK(sender.next_at().is_never());
}

TEST_CASE("transfer: the receiver acknowledges what has arrived without a gap") {
  TransferReceiver receiver;
  CHECK(receiver.receive(0) == 1);
  CHECK(receiver.receive(2) == 1);
  CHECK(receiver.receive(2) == 1);
  CHECK(receiver.receive(1) == 3);
  CHECK(receiver.receive(0) == 3);
}

}  // namespace
}  // namespace connlib::scenarios
