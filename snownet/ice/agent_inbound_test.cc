// What a hostile, confused or merely different network can do to an agent: nothing.
#include <catch2/catch.hpp>

#include "snownet/ice/scripted_peer.h"
#include "snownet/stun/message_builder.h"

namespace connlib::snownet::ice {
namespace {

using testing::at;
using testing::drain;
using testing::is_request;
using testing::kCredentialsA;
using testing::kCredentialsB;
using testing::kStart;
using testing::ScriptedPeer;

const SocketAddress kHost = at("192.0.2.1:1000");
const SocketAddress kRemote = at("192.0.2.2:2000");
const Path kPath{kHost, kRemote};

// One agent of ours with a host candidate, and a peer that a test scripts.
struct Alone {
  explicit Alone(Role role = Role::kControlling, std::optional<Credentials> remote = kCredentialsB)
      : agent({role, kCredentialsA, std::move(remote)}, random, null_tracer(), kStart) {
    agent.add_local_candidate(Candidate::host(kHost), kStart);
    drain(agent);
  }
  std::optional<IceDrop> receive(const Path& path, std::span<const uint8_t> bytes) {
    return agent.handle_datagram(now, path, bytes);
  }
  // The next check that leaves.
  Transmit next_check() {
    for (int i = 0; i < 1000; ++i) {
      for (const Transmit& out : drain(agent)) {
        if (is_request(out)) return out;
      }
      now = std::max(now, agent.poll_timeout().at);
      agent.handle_timeout(now);
    }
    FAIL("no check");
    return {};
  }
  SeededRandom random{3};
  Timestamp now = kStart;
  IceAgent agent;
  ScriptedPeer peer;
};

TEST_CASE("a check is answered to its source, with the address it was seen at") {
  Alone alone;
  const auto check = alone.peer.check({.role = Role::kControlled});
  REQUIRE_FALSE(alone.receive(kPath, check).has_value());
  const auto out = alone.agent.poll_transmit();
  REQUIRE(out.has_value());
  CHECK(out->path == kPath);
  const auto parsed = stun::parse_message(out->message.bytes());
  const auto& answer = std::get<stun::Message>(parsed);
  CHECK(answer.cls() == stun::MessageClass::kSuccess);
  CHECK(answer.transaction_id() == stun::parse_header(check)->transaction_id);
  CHECK(answer.xor_mapped_address() == kRemote);
  CHECK(answer.has_fingerprint());
  auto key = stun::IntegrityKey::short_term(kCredentialsA.password());
  CHECK(answer.verify_integrity(key));
}

TEST_CASE("checks that are not right are dropped without an answer or a trace in the state") {
  using Check = ScriptedPeer::Check;
  ScriptedPeer peer;
  const auto with = [&](auto&& change) {
    Check check{.role = Role::kControlled};
    change(check);
    return peer.check(check);
  };
  const auto good = with([](Check&) {});
  auto cut = good;
  cut.resize(40);
  auto flipped = good;
  flipped[30] = static_cast<uint8_t>(flipped[30] ^ 1U);
  struct Row {
    const char* what;
    Path path;
    std::vector<uint8_t> bytes;
    IceDrop expected;
  };
  const std::vector<Row> rows = {
      {"nothing", kPath, {}, IceDrop::kNotIce},
      {"not STUN", kPath, std::vector<uint8_t>(40, 4), IceDrop::kNotIce},
      {"truncated", kPath, cut, IceDrop::kNotIce},
      {"bit error", kPath, flipped, IceDrop::kWrongFingerprint},
      {"for another agent", kPath, with([](Check& c) { c.receiver_ufrag = "zzzz"; }),
       IceDrop::kForeign},
      {"from another peer", kPath, with([](Check& c) { c.sender_ufrag = "zzzz"; }),
       IceDrop::kForeign},
      {"forged", kPath, with([](Check& c) { c.password = kCredentialsB.password(); }),
       IceDrop::kBadIntegrity},
      {"nominates while controlled", kPath, with([](Check& c) { c.use_candidate = true; }),
       IceDrop::kUnexpectedNominee},
      {"where we have no candidate", {at("192.0.2.77:1"), kRemote}, good, IceDrop::kUnknownLocal},
      {"from nowhere", {kHost, at("0.0.0.0:1")}, good, IceDrop::kMalformed},
  };
  for (const Row& row : rows) {
    Alone alone;
    CAPTURE(row.what);
    CHECK(alone.receive(row.path, row.bytes) == row.expected);
    CHECK(alone.agent.dropped(row.expected) == 1);
    CHECK_FALSE(alone.agent.poll_transmit().has_value());
    CHECK(alone.agent.remote_candidates().empty());
    CHECK(alone.agent.pairs().empty());
    CHECK(alone.agent.poll_timeout().at.is_never());
  }
}

TEST_CASE("a keep-alive indication is nobody's, and changes nothing") {
  Alone alone;
  const std::vector<uint8_t> indication = {0x00, 0x11, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                                           3,    4,    5,    6,    7,    8,    9,    10,   11, 12};
  CHECK(alone.receive(kPath, indication) == IceDrop::kNotIce);
}

TEST_CASE("an answer counts only from where its check went, to where it came from") {
  Alone alone;
  alone.agent.add_local_candidate(Candidate::host(at("192.0.2.50:1000")), kStart);
  alone.agent.add_remote_candidate({Candidate::remote(CandidateKind::kHost, kRemote, 5), ""},
                                   kStart);
  alone.agent.add_remote_candidate(
      {Candidate::remote(CandidateKind::kHost, at("192.0.2.3:3000"), 5), ""}, kStart);
  Transmit check = alone.next_check();
  while (check.path != kPath) check = alone.next_check();
  const auto answer = ScriptedPeer::success(check, kHost);
  auto [what, path] = GENERATE(table<const char*, Path>({
      {"from another remote candidate", {kHost, at("192.0.2.3:3000")}},
      {"to another local address", {at("192.0.2.50:1000"), kRemote}},
      {"from a stranger", {kHost, at("198.51.100.1:1")}},
      {"from another port", {kHost, at("192.0.2.2:2001")}},
  }));
  CAPTURE(what);
  CHECK(alone.receive(path, answer) == IceDrop::kForeign);
  CHECK_FALSE(alone.agent.ever_succeeded());
  // The copy did no harm: the real answer still counts.
  CHECK_FALSE(alone.receive(kPath, answer).has_value());
  CHECK(alone.agent.selected() == kPath);
}

TEST_CASE("forged, unsolicited, repeated and address-less answers do not count") {
  Alone alone;
  alone.agent.add_remote_candidate({Candidate::remote(CandidateKind::kHost, kRemote, 5), ""},
                                   kStart);
  const Transmit check = alone.next_check();
  const auto id = stun::parse_header(check.message.bytes())->transaction_id;
  auto key = stun::IntegrityKey::short_term(kCredentialsB.password());
  std::array<uint8_t, 200> buffer{};
  const auto answer = [&](const stun::TransactionId& to) {
    return stun::MessageBuilder(buffer, {stun::Method::kBinding, stun::MessageClass::kSuccess}, to);
  };
  CHECK(alone.receive(kPath, ScriptedPeer::success(check, kHost, kCredentialsA)) ==
        IceDrop::kBadIntegrity);
  CHECK(alone.receive(kPath, *answer(id).add_integrity(key).finish()) == IceDrop::kMalformed);
  CHECK(alone.receive(kPath, *answer(id).add_xor_mapped_address(kHost).finish()) ==
        IceDrop::kMalformed);
  const auto unsolicited = stun::TransactionId::random(alone.random);
  CHECK(
      alone.receive(
          kPath, *answer(unsolicited).add_xor_mapped_address(kHost).add_integrity(key).finish()) ==
      IceDrop::kForeign);
  CHECK_FALSE(alone.agent.ever_succeeded());
  const auto good = ScriptedPeer::success(check, kHost);
  CHECK_FALSE(alone.receive(kPath, good).has_value());
  CHECK(alone.agent.ever_succeeded());
  CHECK(alone.receive(kPath, good) == IceDrop::kDuplicate);
}

TEST_CASE("a request from an address that the peer took back is not answered") {
  Alone alone;
  const auto relay = Candidate::remote(CandidateKind::kRelayed, kRemote, 5);
  REQUIRE(alone.agent.add_remote_candidate({relay, ""}, kStart));
  REQUIRE(alone.agent.invalidate_remote_candidate(relay, kStart));
  drain(alone.agent);
  CHECK(alone.receive(kPath, alone.peer.check({.role = Role::kControlled})) ==
        IceDrop::kInvalidatedRemote);
  CHECK_FALSE(alone.agent.poll_transmit().has_value());
  // Signalled anew, it is as good as any.
  REQUIRE(alone.agent.add_remote_candidate({relay, ""}, kStart));
  CHECK_FALSE(alone.receive(kPath, alone.peer.check({.role = Role::kControlled})).has_value());
}

TEST_CASE("a peer cannot take back a candidate of ours") {
  Alone alone;
  CHECK_FALSE(alone.agent.invalidate_remote_candidate(
      Candidate::remote(CandidateKind::kHost, kHost, 5), kStart));
  CHECK(alone.agent.local_candidates().size() == 1);
}

// --- Roles.

TEST_CASE("of two ends with one role the larger tie breaker is controlling") {
  const Role role = GENERATE(Role::kControlling, Role::kControlled);
  const bool peer_is_larger = GENERATE(true, false);
  Alone alone(role);
  const uint64_t tie_breaker = peer_is_larger ? UINT64_MAX : 0;
  REQUIRE_FALSE(alone.receive(kPath, alone.peer.check({.role = role, .tie_breaker = tie_breaker})));
  const bool we_switch = peer_is_larger == (role == Role::kControlling);
  CHECK(alone.agent.role() == (we_switch ? opposite(role) : role));
  const auto out = alone.agent.poll_transmit();
  REQUIRE(out.has_value());
  const auto parsed = stun::parse_message(out->message.bytes());
  const auto& answer = std::get<stun::Message>(parsed);
  if (we_switch) {
    CHECK(answer.cls() == stun::MessageClass::kSuccess);
  } else {
    CHECK(answer.error()->code == stun::ErrorCode::kRoleConflict);
    auto key = stun::IntegrityKey::short_term(kCredentialsA.password());
    CHECK(answer.verify_integrity(key));
  }
}

TEST_CASE("a 487 switches the role once, draws a new tie breaker and repeats the check") {
  Alone alone;
  alone.agent.add_remote_candidate({Candidate::remote(CandidateKind::kHost, kRemote, 5), ""},
                                   kStart);
  const Transmit first = alone.next_check();
  const Transmit second = alone.next_check();
  REQUIRE_FALSE(alone.receive(kPath, ScriptedPeer::role_conflict(first)).has_value());
  CHECK(alone.agent.role() == Role::kControlled);
  CHECK(alone.receive(kPath, ScriptedPeer::role_conflict(second)) == IceDrop::kStaleRoleConflict);
  CHECK(alone.agent.role() == Role::kControlled);
  const Timestamp then = alone.now;
  const Transmit third = alone.next_check();
  CHECK(alone.now <= then + 1ms);
  const auto tie = [](const Transmit& check) {
    const auto parsed = stun::parse_message(check.message.bytes());
    const auto& message = std::get<stun::Message>(parsed);
    return std::pair(message.ice_controlling(), message.ice_controlled());
  };
  CHECK(tie(first).first.has_value());
  REQUIRE(tie(third).second.has_value());
  CHECK(tie(third).second != tie(first).first);
}

TEST_CASE("two agents that both believe to be controlling, or controlled, still connect") {
  const Role role = GENERATE(Role::kControlling, Role::kControlled);
  SeededRandom random(GENERATE(range(uint64_t{1}, uint64_t{9})));
  IceAgent a({role, kCredentialsA, kCredentialsB}, random, null_tracer(), kStart);
  IceAgent b({role, kCredentialsB, kCredentialsA}, random, null_tracer(), kStart);
  const Candidate host_a = *a.add_local_candidate(Candidate::host(kHost), kStart);
  const Candidate host_b = *b.add_local_candidate(Candidate::host(kRemote), kStart);
  a.add_remote_candidate({host_b, ""}, kStart);
  b.add_remote_candidate({host_a, ""}, kStart);
  for (Timestamp now = kStart; now < kStart + 3s; now += 5ms) {
    for (IceAgent* agent : {&a, &b}) {
      agent->handle_timeout(now);
      IceAgent& other = agent == &a ? b : a;
      for (const Transmit& out : drain(*agent)) {
        other.handle_datagram(now, {out.path.remote, out.path.local}, out.message.bytes());
      }
    }
  }
  CHECK(a.role() != b.role());
  CHECK(a.selected().has_value());
  CHECK(b.selected().has_value());
}

// --- Limits.

TEST_CASE("checks that come before the remote credentials wait for them, a hundred at most") {
  Alone alone(Role::kControlled, std::nullopt);
  for (size_t i = 0; i < kMaxEarlyRequests; ++i) {
    REQUIRE_FALSE(alone.receive(kPath, alone.peer.check({.use_candidate = true})).has_value());
  }
  CHECK(alone.receive(kPath, alone.peer.check()) == IceDrop::kTooManyRequests);
  CHECK_FALSE(alone.agent.poll_transmit().has_value());
  CHECK(alone.agent.pairs().empty());
  alone.agent.set_remote_credentials(kCredentialsB, kStart);
  CHECK(alone.agent.selected() == kPath);
  CHECK(alone.agent.poll_transmit().has_value());
}

TEST_CASE("a peer that comes from a new port every time keeps its path and costs a fixed room") {
  Alone alone(Role::kControlled);
  for (uint16_t port = 1; port <= 5000; ++port) {
    const Path path{kHost, {kRemote.ip, port}};
    REQUIRE_FALSE(alone.receive(path, alone.peer.check({.use_candidate = true})).has_value());
    CHECK(alone.agent.selected() == path);
    drain(alone.agent);
  }
  CHECK(alone.agent.remote_candidates().size() == kMaxRemotePeerReflexive);
  CHECK(alone.agent.pairs().size() == kMaxRemotePeerReflexive);
}

TEST_CASE("answers nobody collects are bounded") {
  Alone alone;
  for (int i = 0; i < 1000; ++i) {
    alone.receive(kPath, alone.peer.check({.role = Role::kControlled}));
  }
  CHECK(drain(alone.agent).size() == kMaxQueuedTransmits);
}

TEST_CASE("a failed pair is tried again when the peer is heard on it, but gives no hope") {
  Alone alone;
  alone.agent.add_remote_candidate({Candidate::remote(CandidateKind::kHost, kRemote, 5), ""},
                                   kStart);
  while (alone.agent.pairs()[0].is_alive()) {
    alone.now = std::max(alone.now, alone.agent.poll_timeout().at);
    alone.agent.handle_timeout(alone.now);
    drain(alone.agent);
  }
  CHECK(alone.now >= kStart + 15250ms);
  CHECK(alone.agent.state() == IceState::kDisconnected);
  alone.receive(kPath, alone.peer.check({.role = Role::kControlled}));
  CHECK(alone.agent.state() == IceState::kDisconnected);
  const Transmit check = alone.next_check();
  CHECK_FALSE(alone.receive(kPath, ScriptedPeer::success(check, kHost)).has_value());
  CHECK(alone.agent.state() == IceState::kCompleted);
  CHECK(alone.agent.selected() == kPath);
}

}  // namespace
}  // namespace connlib::snownet::ice
