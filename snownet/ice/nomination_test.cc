// Who follows whom, and when: RFC 8445 §8 as D1, D2 and D16 of the module's README change it.
#include "snownet/ice/nomination.h"

#include <catch2/catch.hpp>

#include "snownet/ice/scripted_peer.h"

namespace connlib::snownet::ice {
namespace {

using testing::at;
using testing::drain;
using testing::End;
using testing::InFlight;
using testing::is_request;
using testing::kCredentialsA;
using testing::kCredentialsB;
using testing::kStart;
using testing::relayed;
using testing::ScriptedPeer;
using testing::TwoAgents;

const SocketAddress kHostA = at("192.0.2.1:1000");
const SocketAddress kHostB = at("192.0.2.2:2000");
const SocketAddress kRelayB = at("203.0.113.9:9000");
const Path kDirect{kHostA, kHostB};
const Path kRelayed{kHostA, kRelayB};

Path reversed(const Path& path) { return {path.remote, path.local}; }

// A direct and a relayed path, both of which work; the direct one is selected.
void connect(TwoAgents& net) {
  net.offer(net.a, Candidate::host(kHostA));
  net.offer(net.b, Candidate::host(kHostB));
  net.offer(net.b, relayed("203.0.113.9:9000"));
  net.run_for(1min);
  REQUIRE(net.a.agent.selected() == kDirect);
  REQUIRE(net.b.agent.selected() == reversed(kDirect));
}

enum class Outage { kBothWays, kToControlled, kToControlling };

TEST_CASE("both ends leave a dead direct path within 19.5 s, whichever direction died") {
  const Outage outage = GENERATE(Outage::kBothWays, Outage::kToControlled, Outage::kToControlling);
  TwoAgents net;
  net.latency = 250ms;
  connect(net);
  net.filter = [&](InFlight& flight) {
    const bool is_direct = flight.path.local != kRelayB && flight.path.remote != kRelayB;
    const bool to_b = flight.to == &net.b;
    const bool is_dead = outage == Outage::kBothWays || to_b == (outage == Outage::kToControlled);
    return !(is_direct && is_dead);
  };
  net.run_for(19500ms);
  CHECK(net.a.agent.selected() == kRelayed);
  CHECK(net.b.agent.selected() == reversed(kRelayed));
  net.run_for(5min);
  CHECK(net.a.agent.selected() == kRelayed);
  CHECK(net.b.agent.selected() == reversed(kRelayed));

  net.filter = nullptr;  // The direct path heals: the controlled side still probes it.
  net.run_for(1min);
  CHECK(net.a.agent.selected() == kDirect);
  CHECK(net.b.agent.selected() == reversed(kDirect));
}

TEST_CASE("a peer that still sends to us does not keep a pair alive that answers nothing") {
  TwoAgents net;
  net.connect_hosts();
  net.run_for(1min);
  const Timestamp outage = net.now;
  net.filter = [&](InFlight& flight) { return flight.to != &net.b; };
  net.b.agent.set_timing(kClientDefaultTiming, net.now);  // Checks from B arrive all the time.
  net.run_for(1min);
  const Timestamp left = net.a.last_seen(IceState::kDisconnected);
  CHECK(left > outage + 16500ms);
  CHECK(left < outage + 16500ms + 1500ms + 100ms);
}

TEST_CASE("USE-CANDIDATE is on checks of the selected pair and on no other") {
  TwoAgents net;
  connect(net);
  net.sent.clear();
  net.run_for(1min);
  REQUIRE(net.requests_from(net.a) > 50);
  for (const auto& each : net.sent) {
    if (!each.is_request) continue;
    CHECK(each.use_candidate == (each.from == &net.a && each.path == kDirect));
  }
}

TEST_CASE("a nomination goes out at once instead of with the next check of its pair") {
  TwoAgents net;
  net.connect_hosts();
  std::vector<Timestamp> with;
  std::optional<Timestamp> first_answer;
  for (const auto& each : net.sent) {
    if (each.from == &net.b && !each.is_request && !first_answer) first_answer = each.when;
    if (each.use_candidate) with.push_back(each.when);
  }
  REQUIRE(first_answer.has_value());
  REQUIRE_FALSE(with.empty());
  CHECK(with.front() == *first_answer + net.latency);
}

TEST_CASE("the nominated path is found again when both ends reach each other late") {
  TwoAgents net;
  net.filter = [](InFlight&) { return false; };
  net.offer(net.a, Candidate::host(kHostA));
  net.offer(net.b, Candidate::host(kHostB));
  net.run_for(10s);
  net.filter = nullptr;
  net.run_for(2s);
  CHECK(net.a.agent.selected() == kDirect);
  CHECK(net.b.agent.selected() == reversed(kDirect));
}

TEST_CASE("a relay that was heard before it was signalled does not outrank the direct path") {
  TwoAgents net;
  net.signal_latency = 200ms;
  net.add(net.a, Candidate::host(kHostA));
  net.add(net.b, Candidate::host(kHostB));
  const auto relay = net.add(net.b, relayed("203.0.113.9:9000"));
  // B knows A, so its checks from the relay make a peer-reflexive candidate at A.
  REQUIRE(net.b.agent.add_remote_candidate(
      {Candidate::remote(CandidateKind::kHost, kHostA, 2130706175), "aaaa"}, net.now));
  bool direct_works = false;
  net.filter = [&](InFlight& flight) {
    return direct_works || flight.path.local == kRelayB || flight.path.remote == kRelayB;
  };
  net.run_for(100ms);
  REQUIRE(net.a.agent.selected() == kRelayed);
  direct_works = true;
  net.signal(net.b, *relay);
  net.signal(net.b, net.b.agent.local_candidates()[0]);
  net.run_for(5s);
  CHECK(net.a.agent.selected() == kDirect);
  CHECK(net.b.agent.selected() == reversed(kDirect));
  CHECK(net.a.agent.pairs()[0].path() == kDirect);
}

TEST_CASE("signalling between a nomination and its answer does not lose the nomination") {
  TwoAgents net;
  const auto host_a = net.add(net.a, Candidate::host(kHostA));
  net.offer(net.b, Candidate::host(kHostB));
  net.run_until(kStart + net.signal_latency + 2 * net.latency);
  // A has just nominated. Its own name reaches B only now, replacing the peer-reflexive one.
  REQUIRE(net.a.agent.selected() == kDirect);
  REQUIRE_FALSE(net.b.agent.selected().has_value());
  REQUIRE(net.b.agent.add_remote_candidate({*host_a, "aaaa"}, net.now));
  net.run_for(net.latency);
  CHECK(net.b.agent.selected() == reversed(kDirect));
  REQUIRE(net.b.agent.add_remote_candidate(
      {Candidate::remote(CandidateKind::kRelayed, at("203.0.113.1:1"), 9), "aaaa"}, net.now));
  CHECK(net.b.agent.selected() == reversed(kDirect));
}

// --- The controlled side against checks of every sort.

struct Controlled {
  Controlled()
      : agent({Role::kControlled, kCredentialsA, kCredentialsB, kClientDefaultTiming}, random,
              null_tracer(), kStart) {
    agent.add_local_candidate(Candidate::host(kHostA), now);
  }
  void check(const Path& path, bool use_candidate) {
    REQUIRE_FALSE(
        agent.handle_datagram(now, path, peer.check({.use_candidate = use_candidate})).has_value());
  }
  // Runs for `span`, answering own checks on the paths in `answering`.
  void run(Duration span, std::vector<Path> answering) {
    const Timestamp end = now + span;
    for (;;) {
      for (const auto& out : drain(agent)) {
        if (!is_request(out)) continue;
        if (std::find(answering.begin(), answering.end(), out.path) == answering.end()) continue;
        agent.handle_datagram(now, out.path, ScriptedPeer::success(out, out.path.local));
      }
      const Timestamp next = agent.poll_timeout().at;
      if (next > end) break;
      now = std::max(now, next);
      agent.handle_timeout(now);
    }
    now = end;
  }
  SeededRandom random{5};
  Timestamp now = kStart;
  IceAgent agent;
  ScriptedPeer peer;
};

TEST_CASE("the controlled side follows a nomination at once, before its own check") {
  Controlled b;
  b.check(kDirect, false);
  CHECK_FALSE(b.agent.selected().has_value());
  b.check(kDirect, true);
  CHECK(b.agent.selected() == kDirect);
}

TEST_CASE("the latest nomination counts, not the best and not the repeated one") {
  Controlled b;
  b.check(kDirect, true);
  b.check(kRelayed, true);
  CHECK(b.agent.selected() == kRelayed);
  b.check(kDirect, true);  // A repetition: the peer marks all it ever nominated.
  CHECK(b.agent.selected() == kRelayed);
  b.check(kDirect, false);
  CHECK(b.agent.selected() == kRelayed);
  b.check(kDirect, true);  // A fresh transition.
  CHECK(b.agent.selected() == kDirect);
}

TEST_CASE("a late duplicate of an old nomination is undone by the peer's next check") {
  Controlled b;
  b.check(kDirect, true);
  b.check(kRelayed, true);
  b.check(kDirect, false);
  b.check(kDirect, true);  // From the past.
  b.check(kRelayed, true);
  b.check(kDirect, false);
  CHECK(b.agent.selected() == kRelayed);
}

TEST_CASE("the peer leaving a pair without naming another changes nothing") {
  Controlled b;
  b.check(kDirect, true);
  b.check(kDirect, false);
  CHECK(b.agent.selected() == kDirect);
}

TEST_CASE("three unanswered checks end a nomination when another nominated pair answers") {
  Controlled b;
  b.check(kRelayed, true);
  b.check(kDirect, true);
  b.run(1min, {kDirect, kRelayed});
  REQUIRE(b.agent.selected() == kDirect);
  SECTION("another pair answers") {
    b.run(6s, {kRelayed});
    CHECK(b.agent.selected() == kRelayed);
    b.check(kDirect, true);  // Repeated by a peer that hears us no better than we hear it.
    CHECK(b.agent.selected() == kRelayed);
    SECTION("and the first one comes back while the peer still uses it") {
      b.run(5s, {kDirect, kRelayed});
      CHECK(b.agent.selected() == kDirect);
    }
  }
  SECTION("no other answers") {
    b.run(6s, {});
    CHECK(b.agent.selected() == kDirect);
  }
}

TEST_CASE("a nomination is followed onto a path where our own checks were lost until then") {
  Controlled b;
  b.check(kRelayed, true);
  b.check(kDirect, false);
  b.run(5s, {kRelayed});
  REQUIRE(b.agent.selected() == kRelayed);
  b.check(kDirect, true);
  CHECK(b.agent.selected() == kDirect);
  b.run(100ms, {kRelayed});  // The triggered check is lost as well.
  CHECK(b.agent.selected() == kDirect);
}

TEST_CASE("without a nominated pair left the controlled side waits for the peer") {
  Controlled b;
  b.check(kRelayed, false);
  b.check(kDirect, true);
  b.run(5s, {kDirect, kRelayed});
  b.agent.invalidate_remote_candidate(Candidate::remote(CandidateKind::kRelayed, kHostB, 0), b.now);
  CHECK_FALSE(b.agent.selected().has_value());
  CHECK(b.agent.state() == IceState::kChecking);
}

TEST_CASE("on equal priority the controlling side stays where it is") {
  SeededRandom random(1);
  IceAgent agent({Role::kControlling, kCredentialsA, kCredentialsB}, random, null_tracer(), kStart);
  agent.add_local_candidate(Candidate::host(kHostA), kStart);
  for (const char* remote : {"192.0.2.8:1", "192.0.2.7:1"}) {
    REQUIRE(agent.add_remote_candidate(
        {Candidate::remote(CandidateKind::kHost, at(remote), 77), ""}, kStart));
  }
  agent.handle_timeout(kStart);
  agent.handle_timeout(kStart + 1ms);
  auto checks = drain(agent);
  REQUIRE(checks.size() == 2);
  // The second in order answers first, and stays.
  for (const size_t i : {size_t{1}, size_t{0}}) {
    CHECK_FALSE(agent.handle_datagram(kStart + 2ms, checks[i].path,
                                      ScriptedPeer::success(checks[i], kHostA)));
    CHECK(agent.selected() == checks[1].path);
  }
}

}  // namespace
}  // namespace connlib::snownet::ice
