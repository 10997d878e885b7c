// Two of our connections talk over a wire that loses, doubles, delays and reorders.
#include <array>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/dns/tcp/connection.h"
#include "connlib/dns/tcp/wire.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns::tcp {
namespace {

using connlib::testing::endpoint;
using connlib::testing::kStart;
using Bytes = std::vector<uint8_t>;

class Pair {
 public:
  Pair(uint64_t seed, const Wire::Faults& faults, bool v6)
      : random_(seed + 1),
        wire_(seed, faults),
        addresses_{endpoint(v6 ? "[fd00:2021:1111::1]:50000" : "100.64.0.1:50000"),
                   endpoint(v6 ? "[fd00:2021:1111::2]:53" : "100.64.0.2:53")} {
    ends_[0].emplace(Connection::connect(addresses_, random_.next_u32(), now_));
  }

  std::optional<Connection>& end(int i) { return ends_[static_cast<size_t>(i)]; }
  Timestamp now() const { return now_; }
  Wire& wire() { return wire_; }

  // Moves bytes between buffers and connections: `out` of each end goes to `in` of the other.
  std::array<Bytes, 2> out;
  std::array<Bytes, 2> in;
  std::array<bool, 2> closes_when_done{};

  // Runs until `done` or the clock or the steps run out.
  template <typename Done>
  bool run_until(Done done, Duration limit) {
    const Timestamp end_at = now_ + limit;
    for (size_t steps = 0; steps < 200'000; ++steps) {
      pump();
      if (done()) return true;
      Timestamp next = wire_.next_at();
      for (const auto& e : ends_) {
        if (e) next = std::min(next, e->poll_timeout().at);
      }
      if (next > end_at) return false;
      now_ = std::max(now_, next);
      while (auto packet = wire_.receive(now_)) deliver(packet->first, packet->second);
      for (auto& e : ends_) {
        if (e && e->poll_timeout().at <= now_) e->handle_timeout(now_);
      }
    }
    FAIL("too many steps: somebody spins");
    return false;
  }

 private:
  void deliver(int to, Bytes& packet) {
    const auto segment = segment_of(packet);
    auto& e = end(to);
    if (!e) {
      if (!segment.has_syn() || segment.has_ack() || segment.has_rst()) return;
      e.emplace(
          Connection::accept({addresses_.to, addresses_.from}, segment, random_.next_u32(), now_));
      return;
    }
    e->handle_segment(now_, segment);
  }

  void pump() {
    for (int i = 0; i < 2; ++i) {
      auto& e = end(i);
      if (!e) continue;
      const auto index = static_cast<size_t>(i);
      const size_t size = std::min(out[index].size(), e->writable_bytes());
      if (size > 0) {
        REQUIRE(e->write(std::span(out[index]).first(size)));
        out[index].erase(out[index].begin(), out[index].begin() + static_cast<ptrdiff_t>(size));
      }
      const size_t take = std::min<size_t>(e->received().size(), random_.below(70'000));
      in[index].insert(in[index].end(), e->received().begin(),
                       e->received().begin() + static_cast<ptrdiff_t>(take));
      e->consume(take);
      if (closes_when_done[index] && out[index].empty() && !e->is_closed()) e->close(now_);
      std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
      for (;;) {
        const auto packet = e->poll_transmit(now_, buffer);
        if (packet.empty()) break;
        wire_.send(now_, 1 - i, packet);
      }
    }
  }

  SeededRandom random_;
  Wire wire_;
  PacketAddresses addresses_;
  std::array<std::optional<Connection>, 2> ends_;
  Timestamp now_ = kStart;
};

Bytes random_bytes(size_t size, uint64_t seed) {
  SeededRandom random(seed);
  Bytes out(size);
  random.fill(out);
  return out;
}

TEST_CASE("every byte arrives once and in order, whatever the wire does") {
  const auto [what, faults] = GENERATE(table<std::string, Wire::Faults>({
      {"perfect", {}},
      {"loses a tenth", {.lost_percent = 10}},
      {"loses a fifth", {.lost_percent = 20}},
      {"doubles", {.doubled_percent = 50}},
      {"reorders", {.jitter = 30ms}},
      {"all of it", {.lost_percent = 15, .doubled_percent = 15, .delay = 50ms, .jitter = 100ms}},
  }));
  const auto seed = GENERATE(range(uint64_t{1}, uint64_t{9}));
  CAPTURE(what, seed);
  Pair pair(seed, faults, seed % 2 == 0);
  const auto there = random_bytes(100'000, seed);
  const auto back = random_bytes(50'000, seed + 100);
  pair.out = {there, back};
  CHECK(pair.run_until(
      [&] { return pair.in[1].size() >= there.size() && pair.in[0].size() >= back.size(); },
      30min));
  CHECK((pair.in[1] == there));
  CHECK((pair.in[0] == back));
  pair.closes_when_done = {true, true};
  CHECK(
      pair.run_until([&] { return pair.end(0)->is_closed() && pair.end(1)->is_closed(); }, 10min));
}

TEST_CASE("100 kB over a clean wire of 20 ms take few packets and little time") {
  Pair pair(1, {.delay = 10ms}, false);
  pair.out[0] = random_bytes(100'000, 1);
  REQUIRE(pair.run_until([&] { return pair.in[1].size() == 100'000; }, 1min));
  CHECK(pair.now() - kStart < 500ms);
  CHECK(pair.wire().sent() < 250);
}

TEST_CASE("after a blackout the connection goes on where it was") {
  Pair pair(2, {}, true);
  pair.out[0] = random_bytes(40'000, 1);
  REQUIRE(pair.run_until([&] { return !pair.in[1].empty(); }, 1min));
  pair.wire().set_faults({.lost_percent = 100});
  CHECK_FALSE(pair.run_until([] { return false; }, 5s));
  pair.wire().set_faults({});
  CHECK(pair.run_until([&] { return pair.in[1].size() == 40'000; }, 30s));
}

TEST_CASE("the other end reboots: a reset tells us with the next packet") {
  Pair pair(3, {}, false);
  pair.out[0] = {1};
  REQUIRE(pair.run_until([&] { return !pair.in[1].empty(); }, 1min));
  pair.end(1).reset();
  pair.end(0)->close(pair.now());
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  auto packet = pair.end(0)->poll_transmit(pair.now(), buffer);
  REQUIRE_FALSE(packet.empty());
  const auto addresses = pair.end(0)->addresses();
  std::array<uint8_t, IpPacket::kMaxBytes> answer{};
  const auto reset = write_reset_for({addresses.to, addresses.from}, segment_of(packet), answer);
  pair.end(0)->handle_segment(pair.now(), segment_of(reset));
  CHECK(pair.end(0)->close_reason() == CloseReason::kReset);
}

}  // namespace
}  // namespace connlib::dns::tcp
