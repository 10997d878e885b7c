// S01 to S08: which path two peers find, and what becomes of the packets that wait for it.
#include <algorithm>

#include <fmt/format.h>

#include "tests/scenarios/stories/endings.h"
#include "tests/scenarios/stories/themes.h"

namespace connlib::scenarios {
namespace {

using snownet::ice::CandidateKind;

std::string pairing(const Edge& client, const Edge& gateway) {
  return fmt::format("{} and {}", client.name, gateway.name);
}

// Every edge of `clients` with every one of `gateways`: variant n is client n / size, gateway n %
// size.
template <typename Edges>
std::vector<std::string> pairings(const Edges& clients, const Edges& gateways) {
  std::vector<std::string> names;
  for (const Edge& client : clients) {
    for (const Edge& gateway : gateways) names.push_back(pairing(client, gateway));
  }
  return names;
}

void tell_s01(Telling& t) {
  Deployment d(t, {.client = kOpen, .gateway = kOpen});
  d.start();
  expect_path(t, d, PathKind::kDirect);
  for (const auto& [from, to] :
       {std::pair(&d.client(), &d.gateway()), std::pair(&d.gateway(), &d.client())}) {
    const auto* agent = (*from)->agent_to(to->id());
    t.expect(agent != nullptr && agent->selected() && agent->selected()->local.ip.is_v6() &&
                 agent->selected()->remote.ip.is_v6() &&
                 remote_kind(*from, *to) == CandidateKind::kHost,
             from->id() + " has selected IPv6, host to host");
    t.within("established at " + from->id(),
             (*from)->history().first(Happening::kEstablished) - d.started_at());
  }
  t.expect(d.invariants.initiations() == 1, "one handshake is enough");
}

constexpr std::array kCones = {kFullCone, kAddressRestricted, kPortRestricted, kDoubleNat};

void tell_s02(Telling& t) {
  Deployment d(t, {.client = kCones.at(t.variant() / kCones.size()),
                   .gateway = kCones.at(t.variant() % kCones.size())});
  d.start();
  expect_path(t, d, PathKind::kDirect);
  t.expect(remote_kind(d.client(), d.gateway()) == CandidateKind::kServerReflexive &&
               remote_kind(d.gateway(), d.client()) == CandidateKind::kServerReflexive,
           "they meet at their mapped addresses");
}

void tell_s03(Telling& t) {
  const bool is_client_symmetric = t.variant() == 0;
  Deployment d(t, {.client = is_client_symmetric ? kSymmetric : kOpenV4,
                   .gateway = is_client_symmetric ? kOpenV4 : kSymmetric});
  d.start();
  expect_path(t, d, PathKind::kDirect);
  const Party& open = is_client_symmetric ? d.gateway() : d.client();
  const Party& other = is_client_symmetric ? d.client() : d.gateway();
  t.expect(remote_kind(open, other) == CandidateKind::kPeerReflexive,
           "the open side answers a port that nobody signalled");
}

void tell_s04(Telling& t) {
  const bool is_client_symmetric = t.variant() == 0;
  Deployment d(t, {.client = is_client_symmetric ? kSymmetric : kPortRestricted,
                   .gateway = is_client_symmetric ? kPortRestricted : kSymmetric});
  d.start();
  expect_path(t, d, PathKind::kRelayed);
  const Party& symmetric = is_client_symmetric ? d.client() : d.gateway();
  const Party& other = is_client_symmetric ? d.gateway() : d.client();
  t.expect(symmetric->sends_through_relay(other.id()), "one relay, that of the symmetric side");
}

// Many NATs that are called symmetric draw a port per address, not per socket. Whoever asked a
// relay for its mapped address then shows the same one to the sockets that the relay opens.
constexpr Edge kSymmetricByAddress{
    .name = "symmetric by address",
    .nat = sim::NatBehaviour{.name = "symmetric-by-address",
                             .mapping = sim::Dependence::kAddressDependent,
                             .ports = sim::PortAssignment::kRandom}};

void tell_s05(Telling& t) {
  const bool by_socket = t.variant() < 2;
  const Edge edge = by_socket ? kSymmetric : kSymmetricByAddress;
  Deployment d(t, {.client = edge, .gateway = edge, .relays = 1 + t.variant() % 2});
  d.start();
  expect_path(t, d, by_socket ? PathKind::kRelayToRelay : PathKind::kRelayed);
}

constexpr Edge kOpenV6{.name = "open, IPv6", .has_v4 = false, .has_v6 = true};
constexpr std::array kV4Edges = {kOpenV4, kPortRestricted, kSymmetric};
constexpr std::array kV6Edges = {kOpenV6, kStatefulV6};

// Six pairings, and the same with the roles exchanged.
void tell_s06(Telling& t) {
  const size_t i = t.variant() % 6;
  const bool is_client_v4 = t.variant() < 6;
  const Edge v4 = kV4Edges.at(i / 2);
  const Edge v6 = kV6Edges.at(i % 2);
  Deployment d(t, {.client = is_client_v4 ? v4 : v6, .gateway = is_client_v4 ? v6 : v4});
  d.start();
  expect_path(t, d, PathKind::kRelayed);
  const bool at_client = d.client()->sends_through_relay(d.gateway().id());
  const Party& relayed = at_client ? d.client() : d.gateway();
  const Party& other = at_client ? d.gateway() : d.client();
  const auto* agent = relayed->agent_to(other.id());
  const bool has_v4 = at_client == is_client_v4;
  t.expect(agent != nullptr && agent->selected() && agent->selected()->local.ip.is_v4() != has_v4,
           "the relay gave it an address of the family that it has not");
}

std::vector<std::string> s06_variants() {
  std::vector<std::string> names;
  for (const bool is_client_v4 : {true, false}) {
    for (const Edge& v4 : kV4Edges) {
      for (const Edge& v6 : kV6Edges) {
        names.push_back(is_client_v4 ? pairing(v4, v6) : pairing(v6, v4));
      }
    }
  }
  return names;
}

void tell_s07(Telling& t) {
  const bool is_client_forwarded = t.variant() == 0;
  Deployment d(t, {.client = is_client_forwarded ? kSymmetric : kPortRestricted,
                   .gateway = is_client_forwarded ? kPortRestricted : kSymmetric});
  const Party& forwarded = is_client_forwarded ? d.client() : d.gateway();
  const Party& other = is_client_forwarded ? d.gateway() : d.client();
  sim::Network& network = d.world.network();
  const uint16_t port = forwarded.options.port;
  sim::Nat& nat = network.nat(*forwarded.edge.site);
  nat.forward(port, {*network.address(forwarded.edge.host, IpFamily::kV4), port});
  d.start();
  expect_path(t, d, PathKind::kDirect);
  const auto* agent = other->agent_to(forwarded.id());
  t.expect(agent != nullptr && agent->selected() &&
               agent->selected()->remote == SocketAddress{nat.outer(), port},
           "the forwarded port is found although nobody signalled it");
}

// --- S08

constexpr uint64_t kOffered = 200;
constexpr uint64_t kLater = 50;

void send_numbered(Deployment& d, uint64_t number) {
  d.world.act(d.client().peer, [&](NodePeer& peer, Timestamp now) {
    peer.send(now, fmt::format("number {}", number));
  });
}

// The gateway's application talks from the beginning; what its node takes must arrive.
uint64_t offer_from_gateway(Deployment& d, uint64_t number) {
  bool was_taken = false;
  d.world.act(d.gateway().peer, [&](NodePeer& peer, Timestamp now) {
    was_taken = peer.offer(now, d.client().id(), fmt::format("from the gateway {}", number));
  });
  return was_taken ? 1 : 0;
}

void tell_s08(Telling& t) {
  const bool gateway_talks = t.variant() == 1;
  Deployment d(t, {.client = kPortRestricted, .gateway = kPortRestricted});
  d.warm_up();
  const Timestamp since = d.world.now();
  for (uint64_t i = 0; i < kOffered; ++i) send_numbered(d, i);
  uint64_t taken = 0;
  uint64_t offered = 0;
  const auto are_there = [&] { return d.gateway()->inbox().size() >= kMaxPendingPackets; };
  while (!are_there() && d.world.now() < since + 2 * t.bound()) {
    if (gateway_talks) taken += offer_from_gateway(d, offered++);
    d.world.run_for(10ms);
  }
  t.within("delivered", d.world.now() - since);
  for (uint64_t i = 0; i < kLater; ++i) {
    send_numbered(d, kOffered + i);
    if (gateway_talks) taken += offer_from_gateway(d, offered++);
    d.world.run_for(10ms);
  }
  d.world.run_for(1s);
  std::vector<std::string> expected;
  for (uint64_t i = kOffered - kMaxPendingPackets; i < kOffered + kLater; ++i) {
    expected.push_back(fmt::format("number {}", i));
  }
  std::vector<std::string> arrived;
  for (const auto& [peer, text] : d.gateway()->inbox()) arrived.push_back(text);
  t.expect(arrived == expected, "the newest 128 arrive in order, and all that follow");
  t.expect(d.client()->inbox().size() == taken, "whatever the gateway's node takes arrives");
  t.expect(!gateway_talks || taken > 0, "and it takes some");
}

constexpr std::array kEdges = {kOpen,      kFullCone,  kAddressRestricted, kPortRestricted,
                               kSymmetric, kDoubleNat, kRelaysOnly,        kStatefulV6};

void tell_edges(Telling& t) {
  const Edge& client = kEdges.at(t.variant() / kEdges.size());
  const Edge& gateway = kEdges.at(t.variant() % kEdges.size());
  Deployment d(t, {.client = client, .gateway = gateway});
  d.start();
  expect_path(t, d, expected_path(client, gateway));
}

const std::vector<std::string> kWhichIsSymmetric = {"the client is symmetric",
                                                    "the gateway is symmetric"};

}  // namespace

std::vector<Story> path_stories() {
  return {
      {.id = "S01",
       .title = "two open dual-stack peers talk over IPv6, host to host",
       .expected = "established at both",
       .bound = 3s,
       .tell = tell_s01},
      {.id = "S02",
       .title = "peers behind cone and port-restricted NATs meet at their mapped addresses",
       .expected = "direct, server-reflexive",
       .bound = 4s,
       .tell = tell_s02,
       .variants = pairings(kCones, kCones)},
      {.id = "S03",
       .title = "an open peer answers the port that a symmetric NAT has drawn for it",
       .expected = "direct, peer-reflexive",
       .bound = 4s,
       .tell = tell_s03,
       .variants = kWhichIsSymmetric},
      {.id = "S04",
       .title = "symmetric and port-restricted meet at one relay, though two would do as well",
       .expected = "one relay",
       .bound = 4s,
       .tell = tell_s04,
       .variants = kWhichIsSymmetric},
      {.id = "S05",
       .title = "two symmetric peers are relayed, at one relay if their NATs allow it",
       .expected = "two relays; one if ports go by address",
       .bound = 4s,
       .tell = tell_s05,
       .variants = {"ports by socket, one relay", "ports by socket, two relays",
                    "ports by address, one relay", "ports by address, two relays"}},
      {.id = "S06",
       .title = "a peer with IPv4 alone and one with IPv6 alone meet at a relay that has both",
       .expected = "one relay, across families",
       .bound = 4s,
       .tell = tell_s06,
       .variants = s06_variants()},
      {.id = "S07",
       .title = "a forwarded port on a symmetric NAT is found although nobody signalled it",
       .expected = "direct, guessed candidate",
       .bound = 4s,
       .tell = tell_s07,
       .variants = {"at the client", "at the gateway"}},
      {.id = "S08",
       .title = "of 200 packets that wait for a connection the newest 128 arrive in order",
       .expected = "none lost once established",
       .bound = 4s,
       .tell = tell_s08,
       .variants = {"the client talks", "the gateway talks, too"}},
      {.id = "edges",
       .title = "every kind of edge with every other",
       .expected = "the best path that the rules of NATs allow",
       .bound = 4s,
       .tell = tell_edges,
       .variants = pairings(kEdges, kEdges)},
  };
}

}  // namespace connlib::scenarios
