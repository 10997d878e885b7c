// Stories of two agents that find each other.
#include "snownet/ice/agent.h"

#include <catch2/catch.hpp>

#include "snownet/ice/two_agents.h"

namespace connlib::snownet::ice {
namespace {

using testing::at;
using testing::End;
using testing::InFlight;
using testing::kCredentialsA;
using testing::kCredentialsB;
using testing::kStart;
using testing::relayed;
using testing::TwoAgents;

TEST_CASE("two agents with an address each agree on a path within two round trips") {
  TwoAgents net;
  net.offer(net.a, Candidate::host(at("192.0.2.1:1000")));
  net.offer(net.b, Candidate::host(at("192.0.2.2:2000")));
  net.run_until(kStart + net.signal_latency + 4 * net.latency);
  CHECK(net.a.agent.selected() == Path{at("192.0.2.1:1000"), at("192.0.2.2:2000")});
  CHECK(net.b.agent.selected() == Path{at("192.0.2.2:2000"), at("192.0.2.1:1000")});
  CHECK(net.a.agent.state() == IceState::kCompleted);
  CHECK(net.b.agent.state() == IceState::kCompleted);
  CHECK(net.a.agent.ever_succeeded());
}

TEST_CASE("either end may be the first to know candidates of the other") {
  const bool a_hears_first = GENERATE(true, false);
  TwoAgents net;
  const auto host_a = net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  const auto host_b = net.add(net.b, Candidate::host(at("192.0.2.2:2000")));
  // The other end never hears anything: a request teaches it the address.
  if (a_hears_first) {
    net.signal(net.b, *host_b);
  } else {
    net.signal(net.a, *host_a);
  }
  net.run_for(1s);
  CHECK(net.a.agent.selected().has_value());
  CHECK(net.b.agent.selected().has_value());
}

TEST_CASE("the path with the best priority wins: IPv6 host, IPv4 host, reflexive, relayed") {
  const size_t blocked = GENERATE(range(size_t{0}, size_t{3}));
  const std::vector<std::string> best = {"[2001:db8::2]:2000", "192.0.2.2:2000",
                                         "203.0.113.9:9000"};
  TwoAgents net;
  for (End* end : {&net.a, &net.b}) {
    const std::string host = end == &net.a ? "1" : "2";
    net.offer(*end, Candidate::host(at("192.0.2." + host + ":" + host + "000")));
    net.offer(*end, Candidate::host(at("[2001:db8::" + host + "]:" + host + "000")));
  }
  net.offer(net.b, relayed("203.0.113.9:9000"));
  net.filter = [&](InFlight& flight) {
    const auto is_blocked = [&](const SocketAddress& address) {
      for (size_t i = 0; i < blocked; ++i) {
        if (address == at(best[i])) return true;
      }
      return false;
    };
    return !is_blocked(flight.path.local) && !is_blocked(flight.path.remote);
  };
  net.run_for(3s);
  REQUIRE(net.a.agent.selected().has_value());
  CHECK(net.a.agent.selected()->remote == at(best[blocked]));
  CHECK(net.b.agent.selected()->local == at(best[blocked]));
}

TEST_CASE("a healthy path is checked once per max RTO by each end, and not more") {
  TwoAgents net;
  net.connect_hosts();
  net.run_for(1min);
  net.sent.clear();
  net.run_for(10min);
  CHECK(net.requests_from(net.a) == 400);  // Every 1.5 s.
  CHECK(net.requests_from(net.b) == 40);   // Every 15 s.
  net.a.agent.set_timing(kClientIdleTiming, net.now);
  net.b.agent.set_timing(kServerIdleTiming, net.now);
  net.run_for(1min);
  net.sent.clear();
  net.run_for(10min);
  CHECK(net.requests_from(net.a) == 24);
  CHECK(net.requests_from(net.b) == 24);
}

TEST_CASE("waking up from idle checks at once") {
  TwoAgents net;
  net.connect_hosts();
  net.a.agent.set_timing(kClientIdleTiming, net.now);
  net.run_for(5min);
  net.run_for(5s);
  net.sent.clear();
  net.a.agent.set_timing(kClientDefaultTiming, net.now);
  net.run_for(1ms);
  CHECK(net.requests_from(net.a) == 1);
}

TEST_CASE("answers leave at the instant the question arrives, not at the next timer") {
  TwoAgents net;
  net.connect_hosts();
  net.run_for(30s);
  std::vector<Timestamp> arrivals;
  net.filter = [&](InFlight& flight) {
    if (flight.to == &net.b && flight.cls() == stun::MessageClass::kRequest) {
      arrivals.push_back(flight.arrives);
    }
    return true;
  };
  net.sent.clear();
  net.run_for(30s);
  std::vector<Timestamp> answers;
  for (const auto& each : net.sent) {
    if (each.from == &net.b && !each.is_request) answers.push_back(each.when);
  }
  REQUIRE(arrivals.size() >= 19);
  arrivals.resize(answers.size());
  CHECK(arrivals == answers);
}

TEST_CASE("queued output and events are wakeups of now, with a reason") {
  TwoAgents net;
  CHECK(net.a.agent.poll_timeout().at.is_never());
  net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  CHECK(net.a.agent.poll_timeout().at == kStart);
  CHECK(net.a.agent.poll_event() == AgentEvent(StateChanged{IceState::kChecking}));
  CHECK_FALSE(net.a.agent.poll_event().has_value());
  CHECK(net.a.agent.poll_timeout().at.is_never());
}

TEST_CASE("one check leaves per tick and the next a moment later, best pair first") {
  TwoAgents net;
  net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  net.add(net.a, Candidate::host(at("[2001:db8::1]:1000")));
  for (const char* remote : {"192.0.2.2:2000", "192.0.2.3:2000", "[2001:db8::2]:2000"}) {
    REQUIRE(net.a.agent.add_remote_candidate(
        {Candidate::remote(CandidateKind::kHost, at(remote), remote[0] == '[' ? 9000U : 8000U), {}},
        net.now));
  }
  for (int i = 0; i < 3; ++i) {
    const Timestamp due = net.a.agent.poll_timeout().at;
    net.a.agent.handle_timeout(kStart + i * kCheckSpacing);
    while (net.a.agent.poll_event()) continue;
    const auto out = net.a.agent.poll_transmit();
    REQUIRE(out.has_value());
    CHECK_FALSE(net.a.agent.poll_transmit().has_value());
    if (i == 0) CHECK(out->path.remote == at("[2001:db8::2]:2000"));
    CHECK(due <= kStart + i * kCheckSpacing);
    CHECK(net.a.agent.poll_timeout().at > kStart + i * kCheckSpacing);
  }
}

TEST_CASE("a machine that slept ten minutes checks once instead of catching up") {
  TwoAgents net;
  net.connect_hosts();
  net.a.agent.handle_timeout(net.now + 10min);
  CHECK(net.a.agent.poll_transmit().has_value());
  CHECK_FALSE(net.a.agent.poll_transmit().has_value());
  net.a.agent.handle_timeout(net.now);  // Time never goes back.
  CHECK_FALSE(net.a.agent.poll_transmit().has_value());
  CHECK(net.a.agent.poll_timeout().at > net.now + 10min);
}

TEST_CASE("equal seeds and inputs give equal bytes") {
  const auto trace = [](uint64_t seed) {
    TwoAgents net(kClientDefaultTiming, kServerDefaultTiming, seed);
    net.offer(net.b, relayed("203.0.113.9:9000"));
    net.connect_hosts();
    net.run_for(1min);
    std::vector<std::vector<uint8_t>> bytes;
    for (const auto& each : net.sent) bytes.push_back(each.bytes);
    return bytes;
  };
  CHECK(trace(1) == trace(1));
  CHECK(trace(1) != trace(2));
}

// --- States.

TEST_CASE("missing local or remote candidates are no reason to give up") {
  TwoAgents net;
  const bool remote_first = GENERATE(true, false);
  if (remote_first) {
    REQUIRE(net.a.agent.add_remote_candidate(
        {Candidate::remote(CandidateKind::kHost, at("192.0.2.2:2000"), 5), "bbbb"}, net.now));
  } else {
    net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  }
  net.run_for(1min);
  CHECK(net.a.agent.state() == IceState::kChecking);
  CHECK_FALSE(net.a.has_seen(IceState::kDisconnected));
}

TEST_CASE("a pair that nobody answers is hoped for 15.25 s, whatever the role") {
  const Timing timing = GENERATE(kClientDefaultTiming, kServerDefaultTiming);
  TwoAgents net(timing, timing);
  net.filter = [](InFlight&) { return false; };
  net.connect_hosts();
  net.run_until(kStart + 1min);
  for (const End* end : {&net.a, &net.b}) {
    CHECK(end->agent.state() == IceState::kDisconnected);
    CHECK(end->last_seen(IceState::kDisconnected) == kStart + net.signal_latency + kPossibleFor);
  }
}

TEST_CASE("a new pair leads back from disconnected to checking before it works") {
  TwoAgents net;
  net.filter = [](InFlight&) { return false; };
  net.connect_hosts();
  net.run_for(30s);
  REQUIRE(net.a.agent.state() == IceState::kDisconnected);
  net.filter = nullptr;
  net.latency = 150ms;
  net.offer(net.b, relayed("203.0.113.9:9000"));
  net.run_for(net.signal_latency);
  CHECK(net.a.agent.state() == IceState::kChecking);
  net.run_for(500ms);
  CHECK(is_established(net.a.agent.state()));
  CHECK(net.a.has_seen(IceState::kChecking));
}

TEST_CASE("losing the last working candidate disconnects at once") {
  TwoAgents net;
  net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  net.offer(net.b, relayed("203.0.113.9:9000"));
  net.run_for(20s);
  REQUIRE(net.a.agent.state() == IceState::kCompleted);
  net.revoke(net.b, relayed("203.0.113.9:9000"));
  CHECK(net.b.agent.state() == IceState::kDisconnected);
  net.run_for(net.signal_latency);
  CHECK(net.a.agent.state() == IceState::kDisconnected);
  CHECK_FALSE(net.a.agent.selected().has_value());
  CHECK(net.a.agent.pairs().empty());
}

TEST_CASE("with others to fall back on an agent is connected, with none it is completed") {
  TwoAgents net;
  net.offer(net.b, relayed("203.0.113.9:9000"));
  net.connect_hosts();
  CHECK(net.a.agent.state() == IceState::kConnected);
  CHECK(is_established(net.a.agent.state()));
  net.revoke(net.b, relayed("203.0.113.9:9000"));
  net.run_for(1s);
  CHECK(net.a.agent.state() == IceState::kCompleted);
  CHECK(is_established(net.a.agent.state()));
}

TEST_CASE("signalled candidates replace peer-reflexive ones on a link faster than the portal") {
  TwoAgents net;
  net.latency = 5ms;
  net.signal_latency = 250ms;
  const auto host = net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  const auto remote = net.add(net.b, Candidate::host(at("192.0.2.2:2000")));
  REQUIRE(net.a.agent.add_remote_candidate({*remote, "bbbb"}, net.now));
  net.signal(net.a, *host);
  net.run_for(100ms);
  REQUIRE(net.b.agent.selected().has_value());
  REQUIRE(net.b.agent.remote_candidates().size() == 1);
  CHECK(net.b.agent.remote_candidates()[0].kind == CandidateKind::kPeerReflexive);
  net.run_for(1s);
  REQUIRE(net.b.agent.remote_candidates().size() == 1);
  CHECK(net.b.agent.remote_candidates()[0].kind == CandidateKind::kHost);
  CHECK(net.b.agent.selected().has_value());
  CHECK(net.b.agent.state() == IceState::kCompleted);
}

TEST_CASE("behind a NAT both ends hold the same candidates once all are signalled") {
  TwoAgents net;
  net.a.nat[at("10.0.0.1:1000")] = at("203.0.113.1:4000");
  net.offer(net.a, Candidate::host(at("10.0.0.1:1000")));
  net.offer(net.a, Candidate::server_reflexive(at("203.0.113.1:4000"), at("10.0.0.1:1000")));
  net.offer(net.b, Candidate::host(at("192.0.2.2:2000")));
  net.run_for(5s);
  CHECK(net.a.agent.selected() == Path{at("10.0.0.1:1000"), at("192.0.2.2:2000")});
  CHECK(net.b.agent.selected() == Path{at("192.0.2.2:2000"), at("203.0.113.1:4000")});
  for (const Candidate& local : net.a.agent.local_candidates()) {
    CHECK(local.kind != CandidateKind::kPeerReflexive);
  }
}

TEST_CASE("checks also go to where a forwarded port is likely") {
  TwoAgents net;
  // b forwards its port 52625, but relays see it behind another one.
  net.b.nat[at("10.0.0.2:52625")] = at("203.0.113.2:52625");
  net.add(net.a, Candidate::host(at("192.0.2.1:1000")));
  net.offer(net.b, Candidate::host(at("10.0.0.2:52625")));
  net.offer(net.b, Candidate::server_reflexive(at("203.0.113.2:4711"), at("10.0.0.2:52625")));
  net.run_for(2s);
  CHECK(net.a.agent.selected() == Path{at("192.0.2.1:1000"), at("203.0.113.2:52625")});
}

TEST_CASE("a candidate of an older connection is refused") {
  TwoAgents net;
  const auto candidate = Candidate::remote(CandidateKind::kHost, at("192.0.2.2:2000"), 5);
  CHECK_FALSE(net.a.agent.add_remote_candidate({candidate, "olds"}, net.now));
  CHECK(net.a.agent.add_remote_candidate({candidate, "bbbb"}, net.now));
  CHECK_FALSE(net.a.agent.add_remote_candidate({candidate, ""}, net.now));  // Nothing new.
}

}  // namespace
}  // namespace connlib::snownet::ice
