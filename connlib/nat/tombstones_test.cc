#include "connlib/nat/tombstones.h"

#include <catch2/catch.hpp>

namespace connlib::nat {
namespace {

SessionKey key(uint16_t value) {
  return {Ipv4Address{{10, 0, 0, 1}}, Protocol::Kind::kTcp, value, 80};
}

}  // namespace

TEST_CASE("the oldest tombstone is forgotten when there are too many") {
  Tombstones stones(3);
  for (uint16_t v = 0; v < 5; ++v) stones.add(key(v));
  CHECK(stones.size() == 3);
  CHECK_FALSE(stones.contains(key(1)));
  for (uint16_t v = 2; v < 5; ++v) CHECK(stones.contains(key(v)));
}

TEST_CASE("a session that came back has no tombstone, and gets another in its time") {
  Tombstones stones(3);
  stones.add(key(1));
  stones.remove(key(1));
  CHECK_FALSE(stones.contains(key(1)));
  stones.add(key(2));
  stones.add(key(1));
  stones.add(key(3));  // The stale place of 1 goes; the later one stays.
  CHECK(stones.contains(key(1)));
  CHECK(stones.contains(key(2)));
  CHECK(stones.contains(key(3)));
}

TEST_CASE("the same end twice is one tombstone, and no room means none") {
  Tombstones stones(2);
  stones.add(key(1));
  stones.add(key(1));
  stones.add(key(2));
  CHECK(stones.size() == 2);
  Tombstones none(0);
  none.add(key(1));
  CHECK_FALSE(none.contains(key(1)));
}

}  // namespace connlib::nat
