#include "connlib/nat/session_table.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::nat {
namespace {

using testing::address;
using testing::kStart;

const IpAddress kProxyA = address("100.96.0.1");
const IpAddress kProxyB = address("100.96.0.2");
const IpAddress kReal = address("203.0.113.7");

SessionKey tcp(const IpAddress& ip, uint16_t from, uint16_t to = 443) {
  return {ip, Protocol::Kind::kTcp, from, to};
}

std::optional<SessionKey> inside_of(SessionTable& table, const SessionKey& outside, Timestamp now,
                                    const TcpSigns& signs = {}) {
  const auto found = table.translate_inbound(outside, signs, now);
  const auto* inside = std::get_if<SessionKey>(&found);
  return inside == nullptr ? std::nullopt : std::optional(*inside);
}
SessionTable::Miss miss(SessionTable& table, const SessionKey& outside, Timestamp now) {
  return std::get<SessionTable::Miss>(table.translate_inbound(outside, {}, now));
}

}  // namespace

TEST_CASE("a session keeps the client's port where that is free, and leads back") {
  SessionTable table(kStart);
  const auto outside = table.translate_outbound(tcp(kProxyA, 4000), kReal, {}, kStart);
  CHECK(outside == tcp(kReal, 4000));
  CHECK(inside_of(table, *outside, kStart) == tcp(kProxyA, 4000));
}

TEST_CASE("two proxies of one address do not share a port") {
  SessionTable table(kStart);
  const auto a = table.translate_outbound(tcp(kProxyA, 4000), kReal, {}, kStart);
  const auto b = table.translate_outbound(tcp(kProxyB, 4000), kReal, {}, kStart);
  CHECK(a == tcp(kReal, 4000));
  CHECK(b == tcp(kReal, 4001));
  CHECK(inside_of(table, *a, kStart) == tcp(kProxyA, 4000));
  CHECK(inside_of(table, *b, kStart) == tcp(kProxyB, 4000));
}

TEST_CASE("a port is free towards each port and protocol of a resource on its own") {
  SessionTable table(kStart);
  CHECK(table.translate_outbound(tcp(kProxyA, 4000, 80), kReal, {}, kStart) ==
        tcp(kReal, 4000, 80));
  CHECK(table.translate_outbound(tcp(kProxyB, 4000, 443), kReal, {}, kStart) ==
        tcp(kReal, 4000, 443));
  const SessionKey udp{kProxyB, Protocol::Kind::kUdp, 4000, 80};
  CHECK(table.translate_outbound(udp, kReal, {}, kStart)->value == 4000);
}

TEST_CASE("a reset towards one port leaves the session to another alone") {
  SessionTable table(kStart);
  const auto http = table.translate_outbound(tcp(kProxyA, 4000, 80), kReal, {}, kStart);
  const auto https = table.translate_outbound(tcp(kProxyA, 4000, 443), kReal, {}, kStart);
  inside_of(table, *https, kStart);
  inside_of(table, *http, kStart, {.rst = true});
  table.handle_timeout(kStart + 5s);
  CHECK(miss(table, *http, kStart + 5s) == SessionTable::Miss::kExpired);
  CHECK(inside_of(table, *https, kStart + 5s) == tcp(kProxyA, 4000, 443));
}

TEST_CASE("the search for a port goes on behind 65535 with 1") {
  SessionTable table(kStart);
  table.translate_outbound(tcp(kProxyA, 65535), kReal, {}, kStart);
  CHECK(table.translate_outbound(tcp(kProxyB, 65535), kReal, {}, kStart)->value == 1);
  const SessionKey echo_a{kProxyA, Protocol::Kind::kIcmpEcho, 0, 0};
  const SessionKey echo_b{kProxyB, Protocol::Kind::kIcmpEcho, 0, 0};
  CHECK(table.translate_outbound(echo_a, kReal, {}, kStart)->value == 0);
  CHECK(table.translate_outbound(echo_b, kReal, {}, kStart)->value == 1);
}

TEST_CASE("ports that a client took in a row do not keep another session out") {
  SessionTable table(kStart);
  for (uint16_t port = 10'000; port < 25'000; ++port) {
    REQUIRE(table.translate_outbound(tcp(kProxyA, port), kReal, {}, kStart)->value == port);
  }
  const auto outside = table.translate_outbound(tcp(kProxyB, 10'000), kReal, {}, kStart);
  REQUIRE(outside.has_value());
  CHECK((outside->value < 10'000 || outside->value >= 25'000));
}

TEST_CASE("when no port is free the session is refused, and the others go on") {
  SessionTable table(kStart, {.sessions = 70'000});
  for (uint32_t port = 1; port <= 65'535; ++port) {
    REQUIRE(table.translate_outbound(tcp(kProxyA, static_cast<uint16_t>(port)), kReal, {}, kStart));
  }
  CHECK_FALSE(table.translate_outbound(tcp(kProxyB, 5), kReal, {}, kStart).has_value());
  CHECK(table.translate_outbound(tcp(kProxyB, 5, 80), kReal, {}, kStart).has_value());
  CHECK(inside_of(table, tcp(kReal, 5), kStart) == tcp(kProxyA, 5));
}

TEST_CASE("a name that leads elsewhere takes new sessions there and leaves running ones") {
  SessionTable table(kStart);
  const IpAddress other = address("203.0.113.8");
  const auto before = table.translate_outbound(tcp(kProxyA, 1), kReal, {}, kStart);
  CHECK(table.translate_outbound(tcp(kProxyA, 1), other, {}, kStart + 1s) == before);
  CHECK(table.translate_outbound(tcp(kProxyA, 2), other, {}, kStart + 1s) == tcp(other, 2));
}

TEST_CASE("late packets of an ended session are told from packets of none") {
  SessionTable table(kStart);
  const auto outside = table.translate_outbound(tcp(kProxyA, 1), kReal, {}, kStart);
  // Exactly at its end, before and after the table was tidied.
  CHECK(miss(table, *outside, kStart + 60s) == SessionTable::Miss::kExpired);
  table.handle_timeout(kStart + 61s);
  CHECK(table.size() == 0);
  CHECK(miss(table, *outside, kStart + 61s) == SessionTable::Miss::kExpired);
  CHECK(miss(table, tcp(kReal, 2), kStart + 61s) == SessionTable::Miss::kUnknown);
  // Its port is the same when it comes back.
  CHECK(table.translate_outbound(tcp(kProxyA, 1), kReal, {}, kStart + 62s) == outside);
  CHECK(inside_of(table, *outside, kStart + 62s) == tcp(kProxyA, 1));
}

TEST_CASE("tombstones are bounded") {
  SessionTable table(kStart, {.sessions = 100, .tombstones = 10});
  for (uint16_t port = 0; port < 1000; ++port) {
    table.translate_outbound(tcp(kProxyA, port), kReal, {}, kStart);
  }
  table.handle_timeout(kStart + 10h);
  CHECK(table.size() == 0);
  CHECK(table.tombstone_count() == 10);
}

TEST_CASE("a client that scans loses its own oldest attempts, not its connections") {
  SessionTable table(kStart, {.sessions = 100});
  const auto ssh = table.translate_outbound(tcp(kProxyA, 1, 22), kReal, {}, kStart);
  inside_of(table, *ssh, kStart);
  for (uint16_t port = 0; port < 5000; ++port) {
    const Timestamp now = kStart + Duration(1ms) * int64_t{port};
    REQUIRE(table.translate_outbound(tcp(kProxyB, 7, port), kReal, {}, now).has_value());
  }
  CHECK(table.size() == 100);
  CHECK(table.evictions() == 4901);
  CHECK(inside_of(table, *ssh, kStart + 6s) == tcp(kProxyA, 1, 22));
}

TEST_CASE("ending all sessions leaves tombstones") {
  SessionTable table(kStart);
  const auto outside = table.translate_outbound(tcp(kProxyA, 1), kReal, {}, kStart);
  table.end_all();
  CHECK(table.size() == 0);
  CHECK(miss(table, *outside, kStart) == SessionTable::Miss::kExpired);
  CHECK(table.next_at().is_never());
}

namespace {

// SlowTable is the obvious model: two maps of whole sessions, everything looked at every time.
class SlowTable {
 public:
  std::optional<SessionKey> outbound(const SessionKey& inside, const IpAddress& real,
                                     const TcpSigns& signs, Timestamp now) {
    expire(now);
    for (auto& [in, session] : all_) {
      if (!(in == inside)) continue;
      session.handle_outgoing(signs, now);
      return session.outside();
    }
    SessionKey outside = inside;
    outside.resource_ip = real;
    while (find_outside(outside) != nullptr) {
      outside.value =
          outside.value == 65'535 ? uint16_t{1} : static_cast<uint16_t>(outside.value + 1);
    }
    Session session(outside, now);
    session.handle_outgoing(signs, now);
    all_.emplace_back(inside, session);
    return outside;
  }
  std::optional<SessionKey> inbound(const SessionKey& outside, const TcpSigns& signs,
                                    Timestamp now) {
    expire(now);
    auto* found = find_outside(outside);
    if (found == nullptr) return std::nullopt;
    found->second.handle_incoming(signs, now);
    return found->first;
  }
  size_t size(Timestamp now) {
    expire(now);
    return all_.size();
  }

 private:
  using Entry = std::pair<SessionKey, Session>;
  void expire(Timestamp now) {
    std::erase_if(all_, [&](const Entry& e) { return e.second.is_expired(now); });
  }
  Entry* find_outside(const SessionKey& outside) {
    for (Entry& e : all_) {
      if (e.second.outside() == outside) return &e;
    }
    return nullptr;
  }
  std::vector<Entry> all_;
};

}  // namespace

TEST_CASE("the session table agrees with the slow model on random traffic") {
  const auto seed = GENERATE(range(1, 9));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  SessionTable table(kStart);
  SlowTable model;
  const IpAddress proxies[] = {kProxyA, kProxyB, address("100.96.0.3")};
  const IpAddress reals[] = {kReal, address("203.0.113.8")};
  Timestamp now = kStart;
  for (int step = 0; step < 6000; ++step) {
    const auto kind = static_cast<Protocol::Kind>(random.below(3));
    const auto value =
        static_cast<uint16_t>(random.below(2) == 0 ? random.below(4) : 65'533 + random.below(3));
    const auto port =
        static_cast<uint16_t>(kind == Protocol::Kind::kIcmpEcho ? 0 : 80 + random.below(2));
    TcpSigns signs;
    if (kind == Protocol::Kind::kTcp) {
      signs = {random.below(4) == 0, random.below(6) == 0, random.below(20) == 0};
    }
    if (random.below(2) == 0) {
      const SessionKey inside{proxies[random.below(3)], kind, value, port};
      const IpAddress real = reals[random.below(2)];
      REQUIRE(table.translate_outbound(inside, real, signs, now) ==
              model.outbound(inside, real, signs, now));
    } else {
      const SessionKey outside{reals[random.below(2)], kind, value, port};
      REQUIRE(inside_of(table, outside, now, signs) == model.inbound(outside, signs, now));
    }
    const Duration unit = random.below(50) == 0 ? Duration(1min) : Duration(10ms);
    now += unit * static_cast<int64_t>(random.below(100));
    if (random.below(4) == 0) {
      // Whole ticks, so that the wheel's rounding does not show.
      now = kStart + (now - kStart + 1s) / Duration(1s) * Duration(1s);
      table.handle_timeout(now);
      REQUIRE(table.size() <= model.size(now - 1s));
      REQUIRE(table.size() >= model.size(now));
      REQUIRE(table.next_at() > now);
    }
  }
}

}  // namespace connlib::nat
