#include "tests/sim/link.h"

#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib::sim {
namespace {

constexpr Timestamp kNow = Timestamp::from_nanoseconds(11'000'000'000'123);

struct Journey {
  size_t arrived = 0, lost = 0, doubled = 0, marked = 0, overtaken = 0;
  std::vector<Duration> delays;
};

// A thousand datagrams per second of virtual time, 1 ms apart.
Journey travel(Link& link, size_t count, Ecn ecn = Ecn::kEct0) {
  Journey journey;
  Timestamp latest;
  for (size_t i = 0; i < count; ++i) {
    const Timestamp sent = kNow + std::chrono::milliseconds(i);
    const auto outcome = link.pass(sent, 100, ecn);
    if (const auto* reason = std::get_if<DropReason>(&outcome)) {
      CHECK(*reason == DropReason::kLost);
      ++journey.lost;
      continue;
    }
    const auto& arrivals = std::get<Link::Arrivals>(outcome);
    ++journey.arrived;
    if (arrivals.size() == 2) ++journey.doubled;
    if (arrivals[0].ecn == Ecn::kCe) ++journey.marked;
    if (arrivals[0].at < latest) ++journey.overtaken;
    latest = std::max(latest, arrivals[0].at);
    journey.delays.push_back(arrivals[0].at - sent);
  }
  return journey;
}

}  // namespace

TEST_CASE("a perfect link delivers everything once, after its latency") {
  Link link({.latency = 20ms}, SeededRandom(1));
  const Journey journey = travel(link, 1000);
  CHECK(journey.arrived == 1000);
  CHECK(journey.doubled + journey.marked + journey.overtaken == 0);
  CHECK(std::all_of(journey.delays.begin(), journey.delays.end(),
                    [](Duration delay) { return delay == 20ms; }));
}

TEST_CASE("a link loses, doubles and marks about what it is told") {
  const double percent = GENERATE(1.0, 10.0, 50.0);
  CAPTURE(percent);
  constexpr size_t kCount = 20'000;
  const auto about = [&](size_t observed, size_t of) {
    return static_cast<double>(observed) ==
           Approx(static_cast<double>(of) * percent / 100).epsilon(0.15);
  };
  Link lossy({.loss_percent = percent}, SeededRandom(2));
  const Journey lost = travel(lossy, kCount);
  CHECK(about(lost.lost, kCount));
  CHECK(lost.lost + lost.arrived == kCount);
  Link doubling({.duplicate_percent = percent}, SeededRandom(3));
  CHECK(about(travel(doubling, kCount).doubled, kCount));
  Link marking({.ce_percent = percent}, SeededRandom(4));
  CHECK(about(travel(marking, kCount).marked, kCount));
  CHECK(travel(marking, kCount, Ecn::kNotEct).marked == 0);
}

TEST_CASE("jitter spreads delays and keeps the order") {
  Link link({.latency = 20ms, .jitter = 30ms}, SeededRandom(5));
  const Journey journey = travel(link, 5000);
  CHECK(journey.overtaken == 0);
  const auto [least, most] = std::minmax_element(journey.delays.begin(), journey.delays.end());
  CHECK(*least >= 20ms);
  CHECK(*most <= 50ms);
  CHECK(*most - *least > 10ms);
}

TEST_CASE("a reordered datagram is late and overtaken; the others do not wait") {
  Link link({.latency = 20ms, .reorder_percent = 5, .reorder_by = 15ms}, SeededRandom(6));
  const Journey journey = travel(link, 10'000);
  const auto late = std::count(journey.delays.begin(), journey.delays.end(), Duration(35ms));
  CHECK(late > 400);
  CHECK(late < 600);
  CHECK(std::count(journey.delays.begin(), journey.delays.end(), Duration(20ms)) == 10'000 - late);
  CHECK(journey.overtaken > 0);
}

TEST_CASE("a link drops what exceeds its MTU, and everything while it is cut") {
  Link link({.mtu = 1280}, SeededRandom(7));
  CHECK(std::holds_alternative<Link::Arrivals>(link.pass(kNow, 1280, Ecn::kNotEct)));
  CHECK(std::get<DropReason>(link.pass(kNow, 1281, Ecn::kNotEct)) == DropReason::kTooBig);
  link.conditions().is_cut = true;
  CHECK(std::get<DropReason>(link.pass(kNow, 100, Ecn::kNotEct)) == DropReason::kCut);
}

TEST_CASE("loss does not change whether later datagrams are doubled on another link") {
  SeededRandom root(8);
  Link first({.loss_percent = 20}, root.fork());
  Link second({.duplicate_percent = 20}, root.fork());
  travel(first, 100);
  const size_t with_traffic = travel(second, 1000).doubled;
  SeededRandom same_root(8);
  Link idle({.loss_percent = 20}, same_root.fork());
  Link same({.duplicate_percent = 20}, same_root.fork());
  CHECK(travel(same, 1000).doubled == with_traffic);
}

}  // namespace connlib::sim
