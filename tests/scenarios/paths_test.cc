// S01 to S07: which path two peers find.
#include "tests/scenarios/ice_story.h"

namespace connlib::scenarios {
namespace {

using snownet::ice::CandidateKind;
using Pairing = std::pair<Edge, Edge>;

bool is_v6_host_to_host(const IcePeer& peer) {
  return peer.selected() && peer.selected()->local.ip.is_v6() &&
         peer.selected()->remote.ip.is_v6() && remote_kind(peer) == CandidateKind::kHost;
}

TEST_CASE("S01: two open dual-stack peers talk over IPv6, host to host, within three seconds") {
  over_seeds([](uint64_t seed) {
    return tell(seed, {.client = kOpen, .gateway = kOpen}, {PathKind::kDirect, 3s},
                [](Meeting& meeting) {
                  CHECK(is_v6_host_to_host(*meeting.client));
                  CHECK(is_v6_host_to_host(*meeting.gateway));
                });
  });
}

TEST_CASE("S02: peers behind cone and port-restricted NATs meet at their mapped addresses") {
  const std::vector<Edge> cones = {kFullCone, kAddressRestricted, kPortRestricted, kDoubleNat};
  const size_t client = GENERATE(range<size_t>(0, 4));
  const size_t gateway = GENERATE(range<size_t>(0, 4));
  over_seeds([&](uint64_t seed) {
    return tell(seed, {.client = cones[client], .gateway = cones[gateway]}, {PathKind::kDirect, 4s},
                [](Meeting& meeting) {
                  CHECK(remote_kind(*meeting.client) == CandidateKind::kServerReflexive);
                  CHECK(remote_kind(*meeting.gateway) == CandidateKind::kServerReflexive);
                });
  });
}

TEST_CASE("S03: an open peer answers the port that a symmetric NAT has drawn for it") {
  const bool is_client_symmetric = GENERATE(true, false);
  CAPTURE(is_client_symmetric);
  over_seeds([&](uint64_t seed) {
    const MeetingOptions options{.client = is_client_symmetric ? kSymmetric : kOpenV4,
                                 .gateway = is_client_symmetric ? kOpenV4 : kSymmetric};
    return tell(seed, options, {PathKind::kDirect, 4s}, [&](Meeting& meeting) {
      const auto& open = is_client_symmetric ? meeting.gateway : meeting.client;
      CHECK(remote_kind(*open) == CandidateKind::kPeerReflexive);
    });
  });
}

// Whether a pair of two relays works at this end.
bool has_working_relay_pair(const IcePeer& peer) {
  const auto pairs = peer.agent()->pairs();
  return std::any_of(pairs.begin(), pairs.end(), [](const auto& pair) {
    return pair.has_succeeded() && pair.local().kind == CandidateKind::kRelayed &&
           pair.remote().kind == CandidateKind::kRelayed;
  });
}

TEST_CASE("S04: symmetric and port-restricted meet at one relay, though two would do as well") {
  const bool is_client_symmetric = GENERATE(true, false);
  CAPTURE(is_client_symmetric);
  over_seeds([&](uint64_t seed) {
    const MeetingOptions options{.client = is_client_symmetric ? kSymmetric : kPortRestricted,
                                 .gateway = is_client_symmetric ? kPortRestricted : kSymmetric};
    return tell(seed, options, {PathKind::kRelayed, 4s}, [&](Meeting& meeting) {
      CHECK(has_working_relay_pair(*meeting.client));
      const auto& symmetric = is_client_symmetric ? meeting.client : meeting.gateway;
      CHECK(symmetric->sends_through_relay());
    });
  });
}

// Many NATs that are called symmetric draw a port per address, not per socket. Whoever asked a
// relay for its mapped address then shows the same one to the sockets that the relay opens.
constexpr Edge kSymmetricByAddress{
    .name = "symmetric by address",
    .nat = sim::NatBehaviour{.name = "symmetric-by-address",
                             .mapping = sim::Dependence::kAddressDependent,
                             .ports = sim::PortAssignment::kRandom}};

TEST_CASE("S05: two symmetric peers are relayed, at one relay if their NATs allow it") {
  const auto [edge, expected] = GENERATE(table<Edge, PathKind>(
      {{kSymmetric, PathKind::kRelayToRelay}, {kSymmetricByAddress, PathKind::kRelayed}}));
  const size_t relays = GENERATE(1u, 2u);
  INFO(edge.name << ", relays: " << relays);
  over_seeds([&, &edge = edge, &expected = expected](uint64_t seed) {
    return tell(seed, {.client = edge, .gateway = edge, .relays = relays}, {expected, 4s});
  });
}

constexpr Edge kOpenV6{.name = "open, IPv6", .has_v4 = false, .has_v6 = true};

TEST_CASE("S06: a peer with IPv4 alone and one with IPv6 alone meet at a relay that has both") {
  const Edge client = GENERATE(kOpenV4, kOpenV6, kPortRestricted, kSymmetric, kStatefulV6);
  const Edge gateway = GENERATE(kOpenV4, kOpenV6, kPortRestricted, kSymmetric, kStatefulV6);
  if (client.has_v4 == gateway.has_v4) return;
  INFO(client.name << " with " << gateway.name);
  over_seeds([&](uint64_t seed) {
    return tell(
        seed, {.client = client, .gateway = gateway}, {PathKind::kRelayed, 4s},
        [&](Meeting& meeting) {
          const bool at_client = meeting.client->sends_through_relay();
          const auto& relayed = at_client ? meeting.client : meeting.gateway;
          // The relay gave it an address of the family that it has not.
          CHECK(relayed->selected()->local.ip.is_v4() == !(at_client ? client : gateway).has_v4);
        });
  });
}

TEST_CASE("S07: a forwarded port on a symmetric NAT is found although nobody signalled it") {
  const bool is_client_forwarded = GENERATE(true, false);
  CAPTURE(is_client_forwarded);
  over_seeds([&](uint64_t seed) {
    const MeetingOptions options{.client = is_client_forwarded ? kSymmetric : kPortRestricted,
                                 .gateway = is_client_forwarded ? kPortRestricted : kSymmetric};
    Meeting meeting(seed, options);
    const PluggedIn& edge = is_client_forwarded ? meeting.client_edge : meeting.gateway_edge;
    sim::Network& network = meeting.world.network();
    const SocketAddress inner{*network.address(edge.host, IpFamily::kV4), 52625};
    network.nat(*edge.site).forward(52625, inner);
    REQUIRE(meeting.introduce());
    REQUIRE(meeting.settle(10s, kQuiet));
    check_ending(meeting, {PathKind::kDirect, 4s});
    const auto& other = is_client_forwarded ? meeting.gateway : meeting.client;
    CHECK(other->selected()->remote == SocketAddress{network.nat(*edge.site).outer(), 52625});
    return meeting.world.trace().hash();
  });
}

}  // namespace
}  // namespace connlib::scenarios
