#include <catch2/catch.hpp>

#include "wireguard/tunnel/pair.h"

namespace connlib::wireguard {
namespace {

using testing::End;
using testing::InFlight;
using testing::ipv4_packet;
using testing::kStart;
using testing::Pair;

TEST_CASE("two peers shake hands and packets flow both ways") {
  Pair pair;
  CHECK_FALSE(pair.send(pair.a, ipv4_packet(100)));
  pair.connect(pair.a);
  REQUIRE(pair.a.events.size() == 1);
  REQUIRE(pair.b.events.size() == 1);
  CHECK(pair.a.events[0].what == TunnelEvent::kReady);
  CHECK(pair.send(pair.a, ipv4_packet(100)));
  CHECK(pair.send(pair.b, ipv4_packet(61)));
  pair.run_for(1s);
  CHECK(pair.b.delivered == std::vector<std::vector<uint8_t>>{ipv4_packet(100)});
  CHECK(pair.a.delivered == std::vector<std::vector<uint8_t>>{ipv4_packet(61)});
  CHECK(pair.a.device.tunnel(pair.a.peer).stats().last_round_trip == 20ms);
}

TEST_CASE("packets are padded to sixteen but never beyond the inner MTU") {
  Pair pair(1, {.inner_mtu = 1421});
  auto [packet, datagram] = GENERATE(table<size_t, size_t>({{0, 32},
                                                            {1, 48},
                                                            {16, 48},
                                                            {17, 64},
                                                            {1408, 1440},
                                                            {1409, 1453},
                                                            {1421, 1453},
                                                            {1500, 1532}}));
  CHECK(pair.a.device.sealed_bytes(pair.a.peer, packet) == datagram);
}

TEST_CASE("the responder stays silent until the initiator proves its keys") {
  Pair pair;
  pair.filter = [&](InFlight& flight) { return classify(flight.bytes) != MessageType::kData; };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(1s);
  CHECK_FALSE(pair.send(pair.b, ipv4_packet(64)));
  CHECK(pair.b.events.empty());
  pair.filter = nullptr;
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.run_for(1s);
  CHECK(pair.send(pair.b, ipv4_packet(64)));
}

TEST_CASE("data that is ready goes first instead of a keepalive") {
  Pair pair;
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.filter = [&](InFlight& flight) { return classify(flight.bytes) != MessageType::kData; };
  pair.drain(pair.a);
  auto initiation = pair.wire.front().bytes;
  pair.wire.clear();
  pair.receive(pair.b, initiation);
  auto response = pair.b.device.poll_transmit();
  REQUIRE(response.has_value());
  pair.receive(pair.a, {response->datagram.bytes().begin(), response->datagram.bytes().end()});
  REQUIRE(pair.a.device.poll_event()->what == TunnelEvent::kReady);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  CHECK_FALSE(pair.a.device.poll_transmit().has_value());
}

TEST_CASE("an unanswered handshake is repeated every 5.0 to 5.333 s and given up after 90 s") {
  const Duration limit = GENERATE(as<Duration>{}, Duration(90s), Duration(20s));
  Pair pair(GENERATE(range(uint64_t{1}, uint64_t{6})), {.rekey_attempt_time = limit});
  pair.filter = [](InFlight&) { return false; };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(limit + 1min);
  REQUIRE(pair.sent.size() >= 4);
  for (size_t i = 1; i < pair.sent.size(); ++i) {
    const Duration gap = pair.sent[i].at - pair.sent[i - 1].at;
    CHECK((gap >= 5s && gap <= 5s + 333ms));
  }
  CHECK(pair.sent.back().at < kStart + limit + 1s);
  REQUIRE(pair.a.events.size() == 1);
  CHECK(pair.a.events[0].what == TunnelEvent::kExpired);
  CHECK(pair.a.device.index_count() == 0);
  CHECK(pair.a.device.poll_timeout().at.is_never());

  pair.filter = nullptr;  // Starting anew works as on the first day.
  pair.connect(pair.a);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("before there was a session the first initiations may follow each other sooner") {
  Pair pair(1, {.rekey_attempt_time = 20s, .first_rekey_timeout = 750ms});
  std::vector<Timestamp> sent;
  pair.filter = [&](const InFlight&) {
    sent.push_back(pair.now);
    return false;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_until(kStart + 21s);
  REQUIRE(sent.size() > 9);
  for (size_t i = 1; i < sent.size(); ++i) {
    CAPTURE(i);
    const Duration least = i < 8 ? 750ms : 5s;
    CHECK(sent[i] - sent[i - 1] >= least);
    CHECK(sent[i] - sent[i - 1] <= least + 333ms);
  }
  CHECK(pair.a.events.back().what == TunnelEvent::kExpired);
}

TEST_CASE("a late response to the previous attempt still completes the handshake") {
  Pair pair;
  pair.filter = [](InFlight& flight) {
    if (classify(flight.bytes) == MessageType::kResponse) flight.arrives += 5400ms;
    return true;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(5500ms);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 2);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("only the initiator renews by age, at 120 s, once it has sent data") {
  Pair pair;
  pair.connect(pair.a);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.run_for(1s);
  CHECK(pair.send(pair.b, ipv4_packet(64)));
  pair.run_until(kStart + 119s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 1);
  pair.run_until(kStart + 125s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 2);
  CHECK(pair.count(pair.b, MessageType::kInitiation) == 0);
}

TEST_CASE("an initiator that only receives renews at 165 s") {
  Pair pair;
  pair.connect(pair.a);
  CHECK(pair.send(pair.b, ipv4_packet(64)));
  pair.run_until(kStart + 164s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 1);
  pair.run_until(kStart + 166s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 2);
}

TEST_CASE("unanswered data starts a handshake 15 s after the first packet, in either role") {
  Pair pair;
  pair.connect(pair.a);
  End& sender = GENERATE(true, false) ? pair.a : pair.b;
  pair.run_for(20s);
  pair.filter = [](InFlight& flight) { return classify(flight.bytes) != MessageType::kData; };
  const size_t before = pair.count(sender, MessageType::kInitiation);
  const Timestamp first = pair.now;
  for (int i = 0; i < 14; ++i) {
    CHECK(pair.send(sender, ipv4_packet(64)));
    pair.run_for(1s);
  }
  CHECK(pair.count(sender, MessageType::kInitiation) == before);
  pair.run_until(first + 15s + 400ms);
  CHECK(pair.count(sender, MessageType::kInitiation) == before + 1);
}

TEST_CASE("the first packet after a quiet period starts no handshake") {
  Pair pair;
  pair.connect(pair.a);
  CHECK(pair.send(pair.b, ipv4_packet(64)));
  pair.run_for(60s);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.run_for(14s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 1);
}

TEST_CASE("received data is acknowledged by one keepalive after 10 s, without ping-pong") {
  Pair pair;
  pair.connect(pair.a);
  const size_t before = pair.count(pair.b, MessageType::kData);
  const size_t before_a = pair.count(pair.a, MessageType::kData);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  const Timestamp sent = pair.now;
  pair.run_for(60s);
  REQUIRE(pair.count(pair.b, MessageType::kData) == before + 1);
  CHECK(pair.sent.back().at == sent + pair.latency + 10s);
  CHECK(pair.sent.back().bytes == 32);
  CHECK(pair.count(pair.a, MessageType::kData) == before_a + 1);
}

TEST_CASE("the initiator stops sending at 170 s, the responder goes on to 180 s") {
  Pair pair;
  pair.connect(pair.a);
  pair.filter = [](InFlight& flight) { return classify(flight.bytes) == MessageType::kData; };
  pair.run_until(kStart + 169s);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.run_until(kStart + 171s);
  CHECK_FALSE(pair.send(pair.a, ipv4_packet(64)));
  CHECK(pair.send(pair.b, ipv4_packet(64)));
  pair.run_until(kStart + 181s);
  CHECK_FALSE(pair.send(pair.b, ipv4_packet(64)));
  CHECK(pair.a.delivered.size() == 1);
}

TEST_CASE("a clock that steps back does not revive a session") {
  Pair pair;
  pair.connect(pair.a);
  const Timestamp young = pair.now;
  pair.filter = [](InFlight&) { return false; };
  pair.run_until(kStart + 171s);
  CHECK_FALSE(pair.a.device.can_seal(pair.now, pair.a.peer));
  CHECK_FALSE(pair.a.device.can_seal(young, pair.a.peer));
  pair.now = young;
  CHECK_FALSE(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("an idle tunnel is renewed by its former initiator when the session dies") {
  Pair pair;
  pair.connect(pair.a);
  pair.run_until(kStart + 182s);
  CHECK(pair.count(pair.a, MessageType::kInitiation) == 2);
  CHECK(pair.count(pair.b, MessageType::kInitiation) == 0);
  CHECK(pair.send(pair.b, ipv4_packet(64)));
}

TEST_CASE("all keys are gone 540 s after the last handshake") {
  Pair pair;
  pair.connect(pair.b);
  pair.filter = [](InFlight&) { return false; };
  pair.run_until(kStart + 539s);
  CHECK(pair.a.events.size() == 1);
  pair.run_until(kStart + 541s);
  REQUIRE(pair.a.events.size() == 2);
  CHECK(pair.a.events[1].what == TunnelEvent::kExpired);
  CHECK(pair.a.device.index_count() == 0);
}

TEST_CASE("packets in flight survive one renewal, and not two") {
  Pair pair;
  pair.connect(pair.a);
  End& sender = GENERATE(true, false) ? pair.a : pair.b;
  End& receiver = &sender == &pair.a ? pair.b : pair.a;
  const int renewals = GENERATE(1, 2);
  CAPTURE(renewals, &sender == &pair.a);
  pair.filter = [](InFlight& flight) {
    flight.arrives += 30s;
    return true;
  };
  CHECK(pair.send(sender, ipv4_packet(64)));
  pair.filter = nullptr;
  for (int i = 0; i < renewals; ++i) pair.connect(pair.a);
  REQUIRE(pair.a.device.tunnel(pair.a.peer).stats().handshakes_initiated ==
          static_cast<uint64_t>(renewals) + 1);
  CHECK(pair.send(sender, ipv4_packet(80)));
  pair.run_for(31s);
  std::vector<std::vector<uint8_t>> expected{ipv4_packet(80)};
  if (renewals == 1) expected.push_back(ipv4_packet(64));
  CHECK(receiver.delivered == expected);
}

TEST_CASE("twelve renewals in a row keep the tunnel usable") {
  Pair pair;
  pair.connect(pair.a);
  size_t lost = 0;
  for (int second = 0; second < 12 * 121; ++second) {
    lost += pair.send(pair.a, ipv4_packet(64)) ? 0u : 1u;
    lost += pair.send(pair.b, ipv4_packet(64)) ? 0u : 1u;
    pair.run_for(1s);
  }
  CHECK(lost == 0);
  CHECK(pair.a.delivered.size() == 12 * 121);
  CHECK(pair.a.device.tunnel(pair.a.peer).stats().handshakes_initiated >= 12);
  CHECK(pair.count(pair.b, MessageType::kInitiation) == 0);
}

TEST_CASE("both ends starting at once converge and both can send") {
  Pair pair(GENERATE(range(uint64_t{1}, uint64_t{20})));
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.b.device.start_handshake(pair.now, pair.b.peer);
  pair.run_for(2s);
  for (int i = 0; i < 5; ++i) {
    CHECK(pair.send(pair.a, ipv4_packet(64)));
    CHECK(pair.send(pair.b, ipv4_packet(64)));
    pair.run_for(1s);
  }
  CHECK(pair.a.delivered.size() == 5);
  CHECK(pair.b.delivered.size() == 5);
}

TEST_CASE("packets in flight survive handshakes that cross, time after time") {
  Pair pair;
  pair.latency = 400ms;
  pair.connect(pair.a);
  pair.run_for(1s);
  CHECK(pair.send(pair.a, ipv4_packet(64)));  // So that both have the session.
  pair.run_for(1s);
  const Duration apart = GENERATE(0ms, 100ms, 200ms, 300ms);
  for (size_t round = 1; round <= 3; ++round) {
    pair.a.device.start_handshake(pair.now, pair.a.peer);
    pair.run_for(apart);
    pair.b.device.start_handshake(pair.now, pair.b.peer);
    for (int i = 0; i < 20; ++i) {
      CHECK(pair.send(pair.a, ipv4_packet(64)));
      CHECK(pair.send(pair.b, ipv4_packet(64)));
      pair.run_for(100ms);
    }
    pair.run_for(1s);
    CHECK(pair.a.delivered.size() == 20 * round);
    CHECK(pair.b.delivered.size() == 20 * round + 1);
  }
}

TEST_CASE("a received initiation does not disturb our own pending one") {
  Pair pair;
  pair.filter = [](InFlight& flight) {
    if (classify(flight.bytes) == MessageType::kResponse && flight.to_b) return false;
    if (classify(flight.bytes) == MessageType::kResponse) flight.arrives += 100ms;
    return true;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.b.device.start_handshake(pair.now, pair.b.peer);
  pair.run_for(1s);
  CHECK(pair.a.device.tunnel(pair.a.peer).stats().handshakes_initiated == 1);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("a persistent keepalive opens the path at once and keeps it open") {
  Pair pair;
  pair.a.device.set_persistent_keepalive(pair.now, pair.a.peer, 25s);
  pair.run_for(10s);
  CHECK(pair.a.device.tunnel(pair.a.peer).stats().handshakes_initiated == 1);
  const size_t before = pair.count(pair.a, MessageType::kData);
  pair.run_for(76s);
  CHECK(pair.count(pair.a, MessageType::kData) == before + 3);
}

TEST_CASE(
    "a persistent keepalive to a dead peer sends no initiation sooner than 5 s after another") {
  Pair pair(1, {.persistent_keepalive = 1s});
  pair.filter = [](InFlight&) { return false; };
  pair.run_for(400s);  // Several attempts, each given up after 90 s.
  std::vector<Timestamp> sent;
  for (const auto& entry : pair.sent) {
    if (entry.from_a) sent.push_back(entry.at);
  }
  REQUIRE(sent.size() > 60);
  for (size_t i = 1; i < sent.size(); ++i) CHECK(sent[i] - sent[i - 1] >= 5s);
}

TEST_CASE("a tunnel asks for a new session when its counter runs high") {
  Pair pair(1, {.rekey_after_messages = 10});
  pair.connect(pair.a);
  pair.run_for(10s);
  for (int i = 0; i < 10; ++i) CHECK(pair.send(pair.b, ipv4_packet(64)));
  pair.run_for(6s);
  CHECK(pair.count(pair.b, MessageType::kInitiation) == 1);
}

TEST_CASE("driving only by poll_timeout behaves like polling every 100 ms") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{9}));
  CAPTURE(seed);
  auto story = [seed](Duration step) {
    Pair pair(seed);
    pair.latency = 20ms;
    pair.a.device.start_handshake(pair.now, pair.a.peer);
    for (const Duration pause : {3s, 130s, 20s, 200s, 70s}) {
      pair.run_for(pause, step);
      pair.send(pair.a, ipv4_packet(80));
      pair.run_for(1s, step);
      pair.send(pair.b, ipv4_packet(90));
    }
    pair.run_for(400s, step);
    std::vector<std::tuple<bool, MessageType, size_t>> log;
    for (const auto& sent : pair.sent) log.emplace_back(sent.from_a, sent.type, sent.bytes);
    return log;
  };
  CHECK(story(0ns) == story(100ms));
}

TEST_CASE("one very late poll lands in the right state without looping") {
  Pair pair;
  pair.connect(pair.a);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.now += 10h;
  pair.a.device.handle_timeout(pair.now);
  CHECK_FALSE(pair.send(pair.a, ipv4_packet(64)));
  CHECK(pair.a.device.poll_timeout().at >= pair.now);
  pair.drain(pair.a);
  pair.connect(pair.a);
  CHECK(pair.send(pair.a, ipv4_packet(64)));
}

TEST_CASE("after handle_timeout and a drain the next wakeup lies ahead") {
  Pair pair(GENERATE(range(uint64_t{1}, uint64_t{5})));
  pair.connect(pair.a);
  for (int i = 0; i < 400; ++i) {
    if (i % 7 == 0) pair.send(pair.a, ipv4_packet(64));
    const Timestamp due = pair.a.device.poll_timeout().at;
    if (due.is_never()) break;
    pair.now = std::max(pair.now, due);
    pair.a.device.handle_timeout(pair.now);
    pair.drain(pair.a);
    REQUIRE(pair.a.device.poll_timeout().at > pair.now);
  }
}

TEST_CASE("the loss estimate counts gaps over all sessions and forgives late packets") {
  Pair pair;
  pair.connect(pair.a);
  const auto& stats = pair.b.device.tunnel(pair.b.peer).stats();
  const auto send_ten = [&pair](auto fate) {
    int sent = 0;
    pair.filter = [&](InFlight& flight) {
      return classify(flight.bytes) != MessageType::kData || !flight.to_b || fate(sent++, flight);
    };
    for (int i = 0; i < 10; ++i) REQUIRE(pair.send(pair.a, ipv4_packet(64)));
    pair.run_for(1s);
    pair.filter = nullptr;
  };
  send_ten([](int, InFlight&) { return true; });
  CHECK(stats.rx_lost() == 0);

  send_ten([](int i, InFlight& flight) {
    if (i == 4) flight.arrives += 2s;
    return i != 2 && i != 3;
  });
  CHECK(stats.rx_lost() == 3);
  pair.run_for(2s);
  CHECK(stats.rx_lost() == 2);

  const auto handshakes = stats.handshakes_answered;
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(1s);
  REQUIRE(stats.handshakes_answered == handshakes + 1);
  send_ten([](int i, InFlight&) { return i != 5; });
  CHECK(stats.rx_lost() == 3);
  CHECK(stats.rx_packets == 27);
}

TEST_CASE("copies and forgeries do not change the loss estimate") {
  Pair pair;
  pair.connect(pair.a);
  const auto& stats = pair.b.device.tunnel(pair.b.peer).stats();
  std::vector<uint8_t> datagram;
  pair.filter = [&](InFlight& flight) {
    datagram = flight.bytes;
    return true;
  };
  REQUIRE(pair.send(pair.a, ipv4_packet(64)));
  pair.run_for(10ms);
  const uint64_t expected = stats.rx_messages_expected;
  const uint64_t received = stats.rx_messages;
  CHECK(std::get<Drop>(pair.receive(pair.b, datagram)) == Drop::kReplayed);
  datagram[8 + 2] = 1;  // A counter far ahead, under the old tag.
  CHECK(std::get<Drop>(pair.receive(pair.b, datagram)) == Drop::kBadTag);
  CHECK(stats.rx_messages_expected == expected);
  CHECK(stats.rx_messages == received);
}

TEST_CASE("random loss, duplication and reordering never break the tunnel for good") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{41}));
  CAPTURE(seed);
  Pair pair(seed);
  SeededRandom chaos(seed + 1000);
  pair.filter = [&](InFlight& flight) {
    const uint64_t dice = chaos.below(10);
    if (dice < 3) return false;
    if (dice == 3) pair.wire.push_back(flight);
    flight.arrives += Duration(static_cast<int64_t>(chaos.below(2'000'000'000)));
    return true;
  };
  pair.a.device.start_handshake(pair.now, pair.a.peer);
  for (int i = 0; i < 300; ++i) {
    End& from = chaos.below(2) == 0 ? pair.a : pair.b;
    if (!pair.send(from, ipv4_packet(64))) from.device.start_handshake(pair.now, from.peer);
    pair.run_for(Duration(static_cast<int64_t>(chaos.below(3'000'000'000))));
  }
  pair.filter = nullptr;
  pair.run_for(5s);
  if (!pair.send(pair.a, ipv4_packet(64))) pair.a.device.start_handshake(pair.now, pair.a.peer);
  pair.run_for(20s);
  const size_t before = pair.b.delivered.size();
  CHECK(pair.send(pair.a, ipv4_packet(64)));
  pair.run_for(1s);
  CHECK(pair.b.delivered.size() == before + 1);
}

}  // namespace
}  // namespace connlib::wireguard
