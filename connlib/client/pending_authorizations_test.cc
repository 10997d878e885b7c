#include "connlib/client/pending_authorizations.h"

#include <string>

#include <catch2/catch.hpp>

#include "connlib/client/limits.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::client {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;
using testing::kStart;

const AuthorizationKey kLab{ResourceId("lab")};
const AuthorizationKey kWiki{ResourceId("wiki")};
const AuthorizationKey kLaser{ResourceId("printers"), address("100.64.0.8")};

Bytes packet(uint8_t number) {
  return testing::udp_packet(endpoint("100.64.0.7:4000"), endpoint("10.0.0.1:53"), {number});
}
dns::QueryId query(uint64_t number) { return dns::QueryId(number); }

struct Story {
  SeededRandom random{7};
  PendingAuthorizations pending{random};
  Timestamp now = kStart;

  // How many requests leave at `now`.
  size_t drain() {
    size_t out = 0;
    while (pending.poll_request()) ++out;
    return out;
  }
  // Jumps from deadline to deadline until `end` and counts requests.
  size_t run_until(Timestamp end) {
    size_t out = drain();
    while (pending.poll_timeout().at <= end) {
      now = std::max(now, pending.poll_timeout().at);
      pending.handle_timeout(now);
      out += drain();
      REQUIRE(pending.poll_timeout().at > now);
    }
    now = end;
    return out;
  }
};

TEST_CASE("the first packet asks at once, and it and its followers wait") {
  Story s;
  CHECK(s.pending.poll_timeout().at.is_never());
  s.pending.add_packet(s.now, kLab, packet(1));
  CHECK(s.pending.poll_timeout().at <= s.now);
  CHECK(s.pending.poll_request() == kLab);
  s.pending.add_packet(s.now + 1s, kLab, packet(2));
  CHECK_FALSE(s.pending.poll_request());
  const auto waiting = s.pending.take(kLab);
  REQUIRE(waiting);
  CHECK(waiting->packets == std::vector<Bytes>{packet(1), packet(2)});
  CHECK(s.pending.size() == 0);
}

TEST_CASE("traffic asks again after two seconds and not earlier") {
  const auto [after, is_asked] =
      GENERATE(table<Duration, bool>({{0s, false}, {2s - 1ns, false}, {2s, true}, {1h, true}}));
  CAPTURE(after);
  Story s;
  s.pending.want(s.now, kLab);
  REQUIRE(s.drain() == 1);
  s.pending.want(s.now + after, kLab);
  CHECK((s.drain() == 1) == is_asked);
}

// Lesson bb3c7552d1: serialising requests broke failover.
TEST_CASE("requests for different resources run side by side") {
  Story s;
  for (const auto& key : {kLab, kWiki, kLaser}) s.pending.add_packet(s.now, key, packet(1));
  CHECK(s.pending.poll_request() == kLab);
  CHECK(s.pending.poll_request() == kWiki);
  CHECK(s.pending.poll_request() == kLaser);
}

// Spec tunnel 12.1: with traffic as the only trigger, one lost request left an application that
// sends a single packet waiting for ever.
TEST_CASE("a single packet whose request was lost is asked for again, ever more slowly") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  std::vector<Duration> gaps;
  Timestamp last = s.now;
  REQUIRE(s.drain() == 1);
  while (!s.pending.poll_timeout().at.is_never()) {
    s.now = s.pending.poll_timeout().at;
    s.pending.handle_timeout(s.now);
    REQUIRE(s.drain() == 1);
    gaps.push_back(s.now - last);
    last = s.now;
  }
  REQUIRE(gaps.size() == kMaxTimedRetries);
  Duration base = 2s;
  for (const Duration gap : gaps) {
    CHECK(gap >= base);
    CHECK(gap < base + base / 4);
    base = std::min<Duration>(2 * base, 1min);
  }
  CHECK(s.pending.take(kLab)->packets.size() == 1);
}

TEST_CASE("two clients that lost the same request do not repeat it together") {
  Story a;
  Story b;
  b.random = SeededRandom(8);
  for (Story* s : {&a, &b}) {
    s->pending.add_packet(s->now, kLab, packet(1));
    s->drain();
  }
  CHECK(a.pending.poll_timeout().at != b.pending.poll_timeout().at);
}

TEST_CASE("a need without waiting traffic is not repeated by the timer") {
  Story s;
  s.pending.want(s.now, kLab);
  CHECK(s.run_until(kStart + 1h) == 1);
}

TEST_CASE("a refusal stops the timer, and fresh traffic asks again") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  s.drain();
  s.pending.handle_refused(kLab);
  CHECK(s.run_until(kStart + 10s) == 0);
  s.pending.add_packet(s.now, kLab, packet(2));
  CHECK(s.drain() == 1);
  CHECK(s.run_until(kStart + 20s) > 0);
}

TEST_CASE("an outage pauses the timer, and what waits is asked again when it ends") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  s.pending.want(s.now, kWiki);
  s.drain();
  s.pending.handle_portal(s.now + 1s, false);
  CHECK(s.run_until(kStart + 1h) == 0);
  s.pending.handle_portal(s.now, true);
  s.pending.handle_timeout(s.now);
  CHECK(s.pending.poll_request() == kLab);
  CHECK_FALSE(s.pending.poll_request());
}

TEST_CASE("the end of a short outage respects the cool-down") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  s.drain();
  s.pending.handle_portal(s.now, false);
  s.pending.handle_portal(s.now + 1s, true);
  CHECK(s.pending.poll_timeout().at == kStart + 2s);
}

TEST_CASE("a grant that nobody asked for is told apart") {
  Story s;
  CHECK_FALSE(s.pending.take(kLab));
  s.pending.add_query(s.now, kLab, query(1));
  CHECK(s.pending.take(kLab)->queries == std::vector<dns::QueryId>{query(1)});
  CHECK_FALSE(s.pending.take(kLab));
}

// Lesson 12fc05dbbc: requests left for resources that had just been removed.
TEST_CASE("a resource that is gone is not asked for") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  s.pending.add_packet(s.now, kLaser, packet(1));
  s.pending.drop_resource(kLab.resource);
  s.pending.drop_resource(kLaser.resource);
  CHECK_FALSE(s.pending.poll_request());
  CHECK(s.run_until(kStart + 1h) == 0);
  CHECK(s.pending.size() == 0);
}

TEST_CASE("a key that is dropped and wanted again is asked for once") {
  Story s;
  s.pending.add_packet(s.now, kLab, packet(1));
  s.pending.drop(kLab);
  s.pending.add_packet(s.now, kLab, packet(2));
  CHECK(s.drain() == 1);
}

TEST_CASE("a connected device takes what waits for its address in every pool") {
  Story s;
  const AuthorizationKey scanners{ResourceId("scanners"), kLaser.device};
  const AuthorizationKey other{ResourceId("printers"), address("100.64.0.9")};
  for (const auto& key : {kLaser, scanners, other, kLab})
    s.pending.add_packet(s.now, key, packet(1));
  const auto taken = s.pending.take_devices(*kLaser.device);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].first == kLaser);
  CHECK(taken[1].first == scanners);
  CHECK(s.pending.contains(other));
  CHECK(s.pending.contains(kLab));
  s.pending.drop_device(*other.device);
  CHECK(s.pending.size() == 1);
}

TEST_CASE("of too many queries the newest stay") {
  Story s;
  for (size_t i = 0; i <= kWaitingQueries; ++i) s.pending.add_query(s.now, kLab, query(i));
  const auto waiting = s.pending.take(kLab);
  REQUIRE(waiting->queries.size() == kWaitingQueries);
  CHECK(waiting->queries.front() == query(1));
  CHECK(waiting->queries.back() == query(kWaitingQueries));
}

TEST_CASE("of too many keys the one quiet for longest gives way") {
  Story s;
  const auto key = [](size_t i) { return AuthorizationKey{ResourceId(std::to_string(i))}; };
  for (size_t i = 0; i < kMaxPendingAuthorizations; ++i) {
    s.pending.add_packet(s.now + Duration(i), key(i), packet(1));
  }
  s.pending.add_packet(s.now + 1s, key(0), packet(2));
  s.pending.add_packet(s.now + 1s, key(kMaxPendingAuthorizations), packet(1));
  CHECK(s.pending.size() == kMaxPendingAuthorizations);
  CHECK(s.pending.contains(key(0)));
  CHECK_FALSE(s.pending.contains(key(1)));
}

}  // namespace
}  // namespace connlib::client
