#include "shells/wg/send_runs.h"

#include <catch2/catch.hpp>

namespace connlib::wg {
namespace {

SocketAddress to(uint16_t port) { return {IpAddress(Ipv4Address{{192, 0, 2, 1}}), port}; }

bool put(SendRuns& runs, uint16_t port, size_t bytes, Ecn ecn = Ecn::kNotEct) {
  const std::span<uint8_t> room = runs.reserve(to(port), ecn, bytes);
  if (room.size() != bytes) return false;
  runs.commit();
  return true;
}

}  // namespace

TEST_CASE("datagrams of one size to one address share a run") {
  SendRuns runs(4);
  for (int i = 0; i < 5; ++i) REQUIRE(put(runs, 1, 1000));
  REQUIRE(runs.ready().size() == 1);
  CHECK(runs.ready()[0].segments() == 5);
}

TEST_CASE("addresses and ECN marks have runs of their own") {
  SendRuns runs(4);
  REQUIRE(put(runs, 1, 1000));
  REQUIRE(put(runs, 2, 1000));
  REQUIRE(put(runs, 1, 1000));
  REQUIRE(put(runs, 1, 1000, Ecn::kEct0));
  REQUIRE(runs.ready().size() == 3);
  CHECK(runs.ready()[0].segments() == 2);
  CHECK(runs.ready()[2].ecn() == Ecn::kEct0);
}

TEST_CASE("a datagram never joins a run that is not the newest of its address") {
  SendRuns runs(4);
  REQUIRE(put(runs, 1, 1000));
  REQUIRE(put(runs, 1, 1200));  // Longer: a new run.
  REQUIRE(put(runs, 1, 100));   // Shorter: ends the second run.
  REQUIRE(put(runs, 1, 1000));  // Would fit the first run, and overtake.
  REQUIRE(runs.ready().size() == 3);
  CHECK(runs.ready()[0].segments() == 1);
  CHECK(runs.ready()[1].segments() == 2);
  CHECK(runs.ready()[2].segments() == 1);
}

TEST_CASE("full runs refuse until they are sent") {
  SendRuns runs(2);
  REQUIRE(put(runs, 1, 100));
  REQUIRE(put(runs, 2, 100));
  CHECK(runs.is_full());
  CHECK_FALSE(put(runs, 3, 100));
  CHECK(put(runs, 1, 100));
  runs.drop_front(1);
  CHECK(runs.ready().size() == 1);
  CHECK_FALSE(put(runs, 1, 100));  // What was sent is not added to.
  runs.drop_front(1);
  CHECK(runs.empty());
  CHECK(put(runs, 3, 100));
}

TEST_CASE("a reservation that is not committed leaves nothing behind") {
  SendRuns runs(2);
  CHECK(runs.reserve(to(1), Ecn::kNotEct, 100).size() == 100);
  CHECK(runs.empty());
  REQUIRE(put(runs, 2, 50));
  REQUIRE(runs.ready().size() == 1);
  CHECK(runs.ready()[0].remote() == to(2));
  CHECK(runs.reserve(to(2), Ecn::kNotEct, 50).size() == 50);
  CHECK(runs.ready()[0].segments() == 1);
}

TEST_CASE("a datagram larger than any run is refused") {
  SendRuns runs(2);
  CHECK(runs.reserve(to(1), Ecn::kNotEct, DatagramRun::kCapacity + 1).empty());
  CHECK(runs.empty());
}

}  // namespace connlib::wg
