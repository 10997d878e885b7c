#include "connlib/client/decision_cache.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

const DecisionCache::Key kWeb{Ipv4Address{{10, 0, 0, 1}}, Protocol::tcp(443)};

struct Cached {
  Peer peer{};
  DecisionCache cache;
};

}  // namespace

TEST_CASE("a decision is remembered until what it depends on changes") {
  Cached c;
  c.cache.insert(kWeb, 7, &c.peer);
  CHECK(c.cache.find(kWeb, 7) == &c.peer);
  CHECK(c.cache.find(kWeb, 8) == nullptr);
}

TEST_CASE("a decision of before a change does not come back with a later one") {
  Cached c;
  c.cache.insert(kWeb, 7, &c.peer);
  const DecisionCache::Key other{Ipv4Address{{10, 0, 0, 2}}, Protocol::tcp(443)};
  c.cache.insert(other, 8, &c.peer);
  CHECK(c.cache.find(kWeb, 8) == nullptr);
  CHECK(c.cache.find(other, 8) == &c.peer);
}

TEST_CASE("another port or protocol is another decision: filters know both") {
  Cached c;
  c.cache.insert(kWeb, 7, &c.peer);
  CHECK(c.cache.find({kWeb.destination, Protocol::tcp(80)}, 7) == nullptr);
  CHECK(c.cache.find({kWeb.destination, Protocol::udp(443)}, 7) == nullptr);
}

}  // namespace connlib::client
