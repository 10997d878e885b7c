#include "connlib/gateway/client_table.h"

#include <set>

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::gateway {
namespace {

using connlib::testing::kStart;

TunnelAddresses number(uint8_t n) {
  return {{{100, 64, 0, n}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, n}}};
}
Grant until(Timestamp expires_at) {
  return {.resource = {.id = ResourceId("lab"), .address = CidrAddress{}},
          .expires_at = expires_at};
}

TEST_CASE("a client is found by connection, by each address and by id") {
  ClientTable table(8);
  const PeerId expected = table.next_peer();
  ClientOnGateway* alice = table.add(ClientId("alice"), number(7), kStart);
  ClientOnGateway* bob = table.add(ClientId("bob"), number(8), kStart);
  REQUIRE(alice != nullptr);
  CHECK(alice->peer() == expected);
  CHECK(table.find(alice->peer()) == alice);
  CHECK(table.find(IpAddress(number(7).v4)) == alice);
  CHECK(table.find(IpAddress(number(7).v6)) == alice);
  CHECK(table.find(ClientId("bob")) == bob);
  CHECK(table.find(ClientId("carol")) == nullptr);
  CHECK(table.find(IpAddress(number(9).v4)) == nullptr);
  CHECK(table.find(PeerId(12345)) == nullptr);
}

TEST_CASE("a removed client is not found, nor is whoever gets its place under its old number") {
  ClientTable table(8);
  const PeerId old = table.add(ClientId("alice"), number(7), kStart)->peer();
  table.remove(old);
  CHECK(table.size() == 0);
  CHECK(table.find(old) == nullptr);
  CHECK(table.find(IpAddress(number(7).v4)) == nullptr);
  CHECK(table.find(ClientId("alice")) == nullptr);
  ClientOnGateway* bob = table.add(ClientId("bob"), number(7), kStart);
  CHECK(bob->peer() != old);
  CHECK(table.find(old) == nullptr);
  CHECK(table.find(IpAddress(number(7).v4)) == bob);
}

TEST_CASE("no connection is ever named twice") {
  ClientTable table(2);
  std::set<PeerId> seen;
  for (int i = 0; i < 100; ++i) {
    const PeerId peer = table.add(ClientId("alice"), number(7), kStart)->peer();
    CHECK(seen.insert(peer).second);
    table.remove(peer);
  }
}

TEST_CASE("a full table takes nobody more") {
  ClientTable table(1);
  ClientOnGateway* alice = table.add(ClientId("alice"), number(7), kStart);
  CHECK(table.is_full());
  CHECK(table.add(ClientId("bob"), number(8), kStart) == nullptr);
  table.remove(alice->peer());
  CHECK(table.add(ClientId("bob"), number(8), kStart) != nullptr);
}

TEST_CASE("a client under other addresses starts over and keeps its connection") {
  ClientTable table(8);
  ClientOnGateway* alice = table.add(ClientId("alice"), number(7), kStart);
  const PeerId peer = alice->peer();
  alice->grant(until(kStart + 1h));
  table.schedule(*alice);
  alice = table.readdress(*alice, number(9), kStart);
  CHECK(alice->peer() == peer);
  CHECK_FALSE(alice->has_grants());
  CHECK(table.find(IpAddress(number(7).v4)) == nullptr);
  CHECK(table.find(IpAddress(number(9).v6)) == alice);
  CHECK(table.next_due(kStart + 2h) == nullptr);
}

TEST_CASE("the table knows whose deadline comes first") {
  ClientTable table(8);
  ClientOnGateway* alice = table.add(ClientId("alice"), number(7), kStart);
  ClientOnGateway* bob = table.add(ClientId("bob"), number(8), kStart);
  CHECK(table.next_deadline().is_never());
  alice->grant(until(kStart + 2h));
  bob->grant(until(kStart + 1h));
  table.schedule(*alice);
  table.schedule(*bob);
  CHECK(table.scheduled(*alice) == kStart + 2h);
  CHECK(table.next_deadline() == kStart + 1h);
  CHECK(table.next_due(kStart + 1h - 1ns) == nullptr);
  CHECK(table.next_due(kStart + 1h) == bob);
  table.remove(bob->peer());
  CHECK(table.next_due(kStart + 1h) == nullptr);
  CHECK(table.next_due(kStart + 2h) == alice);
}

}  // namespace
}  // namespace connlib::gateway
