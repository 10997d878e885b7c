// The two candidate sets of an agent.
#include <catch2/catch.hpp>

#include "snownet/ice/local_candidates.h"
#include "snownet/ice/remote_candidates.h"

namespace connlib::snownet::ice {
namespace {

SocketAddress at(std::string_view text) { return *SocketAddress::parse(text); }
SocketAddress v4(size_t host, uint16_t port = 80) {
  return {Ipv4Address{{192, 0, 2, static_cast<uint8_t>(host)}}, port};
}

TEST_CASE("local candidates of one kind alternate between the families") {
  LocalCandidates locals;
  const auto first6 = locals.add(Candidate::host(at("[2001:db8::1]:1")));
  const auto second6 = locals.add(Candidate::host(at("[2001:db8::2]:1")));
  const auto first4 = locals.add(Candidate::host(v4(1)));
  const auto second4 = locals.add(Candidate::host(v4(2)));
  REQUIRE((first6 && second6 && first4 && second4));
  CHECK(first6->priority == 2130706431);
  CHECK(first6->priority > first4->priority);
  CHECK(first4->priority > second6->priority);
  CHECK(second6->priority > second4->priority);
}

TEST_CASE("removed candidates still count when the next one gets its preference") {
  LocalCandidates locals;
  const Candidate first = *locals.add(Candidate::host(v4(1)));
  REQUIRE(locals.remove(first));
  CHECK(locals.add(Candidate::host(v4(2)))->priority == first.priority - 512);
}

TEST_CASE("a public host has no server-reflexive candidate") {
  const bool host_first = GENERATE(true, false);
  LocalCandidates locals;
  const Candidate host = Candidate::host(v4(1));
  const Candidate reflexive = Candidate::server_reflexive(v4(1), v4(1));
  if (host_first) {
    REQUIRE(locals.add(host).has_value());
    CHECK_FALSE(locals.add(reflexive).has_value());
  } else {
    REQUIRE(locals.add(reflexive).has_value());
    CHECK(locals.add(host).has_value());
  }
  REQUIRE(locals.all().size() == 1);
  CHECK(locals.all()[0].kind == CandidateKind::kHost);
}

TEST_CASE("a reflexive address that checks found first is signalled once a relay reports it") {
  LocalCandidates locals;
  REQUIRE(locals.add(Candidate::host(v4(1))).has_value());
  locals.learn(v4(9), v4(1));
  REQUIRE(locals.all().size() == 2);
  CHECK(locals.add(Candidate::server_reflexive(v4(9), v4(1))).has_value());
  CHECK(locals.all().size() == 2);
}

TEST_CASE("known reflexive addresses do not come back as peer-reflexive duplicates") {
  LocalCandidates locals;
  REQUIRE(locals.add(Candidate::host(v4(1))).has_value());
  REQUIRE(locals.add(Candidate::server_reflexive(v4(9), v4(1))).has_value());
  locals.learn(v4(9), v4(1));
  CHECK(locals.all().size() == 2);
}

TEST_CASE("a peer cannot fill our candidate list with addresses it claims to see") {
  LocalCandidates locals;
  REQUIRE(locals.add(Candidate::host(v4(1))).has_value());
  for (uint16_t port = 1; port < 200; ++port) locals.learn(v4(9, port), v4(1));
  CHECK(locals.all().size() == 1 + kMaxLocalPeerReflexive);
  CHECK(locals.add(Candidate::host(v4(2))).has_value());
}

TEST_CASE("an address is sent from by its best candidate and receives as host or relay only") {
  LocalCandidates locals;
  locals.add(Candidate::server_reflexive(v4(9), v4(1)));
  CHECK(locals.best_from(v4(1))->kind == CandidateKind::kServerReflexive);
  CHECK_FALSE(locals.receives_at(v4(9)));
  CHECK_FALSE(locals.receives_at(v4(1)));
  locals.add(Candidate::host(v4(1)));
  CHECK(locals.best_from(v4(1))->kind == CandidateKind::kHost);
  CHECK(locals.receives_at(v4(1)));
  CHECK(locals.best_from(v4(9)) == nullptr);
}

TEST_CASE("local candidates end at their limit") {
  LocalCandidates locals;
  for (size_t i = 0; i < kMaxLocalCandidates; ++i) {
    REQUIRE(locals.add(Candidate::host(v4(1, static_cast<uint16_t>(i + 1)))).has_value());
  }
  CHECK_FALSE(locals.add(Candidate::host(v4(2))).has_value());
}

TEST_CASE("invalidating one of two candidates with one address leaves the other alive") {
  RemoteCandidates remotes;
  const auto host = Candidate::remote(CandidateKind::kHost, v4(1), 200);
  const auto reflexive = Candidate::remote(CandidateKind::kServerReflexive, v4(1), 100);
  remotes.add(host);
  remotes.add(reflexive);
  REQUIRE(remotes.invalidate(reflexive));
  CHECK_FALSE(remotes.is_invalidated(v4(1)));
  CHECK(remotes.best_at(v4(1))->kind == CandidateKind::kHost);
  REQUIRE(remotes.invalidate(host));
  CHECK(remotes.is_invalidated(v4(1)));
}

TEST_CASE("an invalidated relay is gone even if we only knew it as peer-reflexive") {
  RemoteCandidates remotes;
  remotes.learn(v4(1), 100);
  REQUIRE(remotes.invalidate(Candidate::remote(CandidateKind::kRelayed, v4(1), 5)));
  CHECK(remotes.is_invalidated(v4(1)));
  // The relay may give the same address again.
  CHECK(remotes.add(Candidate::remote(CandidateKind::kRelayed, v4(1), 5)));
  CHECK_FALSE(remotes.is_invalidated(v4(1)));
}

TEST_CASE("invalidation by another kind does not touch a live peer-reflexive path") {
  RemoteCandidates remotes;
  remotes.learn(v4(1), 100);
  CHECK_FALSE(remotes.invalidate(Candidate::remote(CandidateKind::kServerReflexive, v4(1), 5)));
  CHECK(remotes.best_at(v4(1)) != nullptr);
}

TEST_CASE("signalling the same candidates again changes nothing") {
  RemoteCandidates remotes;
  const auto host = Candidate::remote(CandidateKind::kHost, v4(1), 200);
  CHECK(remotes.add(host));
  CHECK_FALSE(remotes.add(host));
  CHECK(remotes.all().size() == 1);
}

TEST_CASE("remote candidates and the memory of invalidated ones end at their limits") {
  RemoteCandidates remotes;
  for (uint16_t port = 1; port <= 2 * kMaxRemoteCandidates; ++port) {
    const auto candidate = Candidate::remote(CandidateKind::kRelayed, v4(1, port), 200);
    CHECK(remotes.add(candidate) == (port <= kMaxRemoteCandidates));
  }
  CHECK(remotes.all().size() == kMaxRemoteCandidates);
  for (uint16_t port = 1; port <= kMaxRemoteCandidates; ++port) {
    REQUIRE(remotes.invalidate(Candidate::remote(CandidateKind::kRelayed, v4(1, port), 200)));
    const auto next = Candidate::remote(CandidateKind::kRelayed, v4(2, port), 200);
    REQUIRE(remotes.add(next));
    REQUIRE(remotes.invalidate(next));
  }
  CHECK_FALSE(remotes.is_invalidated(v4(1, 1)));
  CHECK(remotes.is_invalidated(v4(2, kMaxRemoteCandidates)));
}

TEST_CASE("a port forwarding is guessed at for two IPv4 addresses at most") {
  auto [what, is_v4, count, expected] = GENERATE(table<const char*, bool, uint16_t, size_t>({
      {"10 x 10 over IPv6", false, 10, 0},
      {"5 x 5 over IPv4", true, 5, 2},
      {"1 x 1 over IPv4", true, 1, 1},
  }));
  CAPTURE(what);
  RemoteCandidates remotes;
  const auto address = [is_v4 = is_v4](uint16_t i, uint16_t port) {
    if (is_v4) return v4(i, port);
    Ipv6Address six{{0x20, 0x01, 0x0d, 0xb8}};
    six.bytes[15] = static_cast<uint8_t>(i);
    return SocketAddress{six, port};
  };
  size_t extra = 0;
  for (uint16_t i = 1; i <= count; ++i) {
    remotes.add(Candidate::remote(CandidateKind::kHost, address(i, 52625), 300));
    remotes.add(Candidate::remote(CandidateKind::kServerReflexive,
                                  address(static_cast<uint16_t>(100 + i), 4000), 1000));
    for (const Candidate& guess : remotes.optimistic()) {
      CHECK(guess.address.port == 52625);
      CHECK(guess.kind == CandidateKind::kServerReflexive);
      CHECK(guess.priority < 1000);
      remotes.add(guess);
      ++extra;
    }
  }
  CHECK(extra == expected);
}

}  // namespace
}  // namespace connlib::snownet::ice
