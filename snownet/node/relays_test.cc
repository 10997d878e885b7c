// Relays come and go, and so does the network.
#include <algorithm>

#include <catch2/catch.hpp>

#include "snownet/node/lab.h"
#include "snownet/node/public_address.h"

namespace connlib::snownet::node {
namespace {

using testing::Bytes;
using testing::Datagram;
using testing::End;
using testing::ipv6_packet;
using testing::kPeer;
using testing::Lab;

void close_direct_path(Lab& lab) {
  lab.loses = [&](const Datagram& datagram) { return lab.is_between_ends(datagram); };
}

void establish(Lab& lab) {
  lab.introduce();
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.run_for(1s);
}

bool has_echo(Lab& lab) {
  const size_t at_a = lab.a.packets.size();
  const size_t at_b = lab.b.packets.size();
  lab.send(lab.a, ipv6_packet(60));
  lab.send(lab.b, ipv6_packet(60));
  lab.run_for(200ms);
  return lab.a.packets.size() > at_a && lab.b.packets.size() > at_b;
}

// --- update_relays()

TEST_CASE("removing relays that nobody knows and listing what cannot be does nothing") {
  Lab lab;
  establish(lab);
  const std::vector<RelayId> unknown{RelayId("nobody"), RelayId("")};
  const std::vector<RelayListing> broken{
      {RelayId("a"), {}, "user", "realm", "password"},
      {RelayId("b"), {.v4 = SocketAddress::parse("198.51.100.9:3478")}, "", "realm", "password"}};
  lab.a.events.clear();
  lab.a.node->update_relays(lab.now, unknown, broken);
  lab.settle();
  CHECK(lab.a.node->relays().size() == 1);
  CHECK(lab.a.events.empty());
  lab.run_for(2s);  // The one relay was not mentioned, so it was asked, and lives.
  CHECK(lab.a.node->relays()[0].allocation->is_allocated());
  CHECK(has_echo(lab));
}

TEST_CASE("relays have a limit; further ones are skipped") {
  Lab lab({.relays = 20});
  lab.list_relays(lab.a);
  CHECK(lab.a.node->relays().size() == kMaxRelays);
}

TEST_CASE("listing the same relay again changes nothing") {
  Lab lab;
  establish(lab);
  lab.a.events.clear();
  lab.list_relays(lab.a);
  lab.run_for(1s);
  CHECK(lab.a.events.empty());
  CHECK(lab.relays[0]->server().allocation_count() == 2);
}

TEST_CASE("a relay with another secret is used anew, and its old candidates are taken back") {
  Lab lab;
  establish(lab);
  REQUIRE(lab.a.node->path_kind(kPeer) == PathKind::kPeerToPeer);
  lab.relays[0]->start(lab.now, "another secret");
  lab.a.events.clear();
  lab.list_relays(lab.a);
  CHECK(lab.a.count<CandidateRemoved>() == 1);
  lab.run_for(3s);
  CHECK(lab.a.node->relays()[0].allocation->is_allocated());
  CHECK(lab.a.count<CandidateAdded>() == 0);  // Frozen: a path is selected.
  CHECK(has_echo(lab));
  lab.upsert(lab.a);  // Signals what there is, the new relayed address included.
  CHECK(lab.a.count<CandidateAdded>() == 3);
}

TEST_CASE("a relay at another address is used there, and the old address is remembered") {
  Lab lab;
  establish(lab);
  const IpAddress before = lab.relays[0]->ip;
  lab.relays[0]->ip = *IpAddress::parse("198.51.100.99");
  lab.relays[0]->start(lab.now, "secret");
  lab.a.events.clear();
  lab.list_relays(lab.a);
  CHECK(lab.a.count<CandidateRemoved>() == 1);
  lab.run_for(3s);
  REQUIRE(lab.a.node->relays().size() == 1);
  CHECK(lab.a.node->relays()[0].allocation->is_allocated());
  CHECK(lab.a.node->relays()[0].allocation->sockets().v4->ip == lab.relays[0]->ip);
  Bytes late{0x40, 0, 0, 1, 7};
  lab.a.node->handle_datagram(lab.now, lab.a.local, {before, 3478}, late);
  CHECK(lab.a.drops(Drop::kFromFormerRelay) == 1);
  CHECK(has_echo(lab));
}

// Lesson 29: with one host candidate per family the path bounced between two interfaces.
TEST_CASE("answers that arrive at two interfaces in turn change the path once at most") {
  Lab lab;
  establish(lab);
  lab.run_for(5s);
  const std::array<SocketAddress, 2> uplinks{lab.a.local, *SocketAddress::parse("10.0.0.77:52625")};
  size_t changes = 0;
  auto selected = lab.a.node->agent(kPeer)->selected();
  for (size_t i = 0; i < 30; ++i) {
    lab.a.local = uplinks[i % 2];
    lab.a.uplink = uplinks[(i + 1) % 2];
    lab.run_for(25s);
    const auto now_selected = lab.a.node->agent(kPeer)->selected();
    if (!(now_selected == selected)) ++changes;
    selected = now_selected;
  }
  CHECK(changes <= 1);
  CHECK(lab.a.count<Failed>() == 0);
  CHECK(has_echo(lab));
}

TEST_CASE("a peer that is served by a relay we gave up is heard all the same") {
  Lab lab;
  close_direct_path(lab);
  lab.list_relays(lab.a);
  lab.list_relays(lab.b);
  lab.run_for(1s);
  // `a` cannot use the relay any more; `b` can, and is reached at its address there.
  lab.a.node->update_relays(lab.now, std::vector<RelayId>{RelayId("relay-1")}, {});
  lab.relays.push_back(std::make_unique<testing::RelayHost>("relay-2", "198.51.100.2", 77));
  lab.relays[1]->start(lab.now, "secret");
  const std::vector<RelayListing> listed{lab.relays[1]->listing_for("salt-a")};
  lab.a.node->update_relays(lab.now, {}, listed);
  lab.settle();
  lab.run_for(1s);
  const uint64_t late = lab.a.drops(Drop::kFromFormerRelay);  // Its last answer.
  REQUIRE(lab.upsert(lab.b) == Upserted::kCreated);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  REQUIRE(lab.run_until([&] { return lab.is_established(); }, 3s));
  lab.run_for(60s);
  CHECK(lab.a.node->path_kind(kPeer) == PathKind::kPeerToRelay);
  CHECK(lab.a.drops(Drop::kFromFormerRelay) == late);
  CHECK(lab.a.count<Failed>() == 0);
  CHECK(has_echo(lab));
}

TEST_CASE("an end that begins anew by a dead relay is heard within seconds, not after eight") {
  Lab lab;
  lab.b_active = ice::kServerDefaultTiming;  // It checks so rarely that it would not notice itself.
  close_direct_path(lab);
  establish(lab);
  lab.run_for(2s);
  lab.loses = [&](const Datagram& each) {
    return lab.is_between_ends(each) || lab.relay_at(each.to.ip) == lab.relays[0].get();
  };
  lab.run_for(5s);
  REQUIRE(lab.b.node->relays().size() == 1);
  REQUIRE(lab.upsert(lab.b) == Upserted::kReused);
  lab.run_for(1s);
  REQUIRE(lab.upsert(lab.b) == Upserted::kReused);  // Asked again, it does not start over.
  lab.run_for(1600ms);
  CHECK(lab.b.node->relays().empty());
  CHECK(lab.b.count<NoRelays>() == 1);
}

TEST_CASE("a removed relay is told, and a direct connection does not notice") {
  Lab lab({.relays = 2});
  establish(lab);
  REQUIRE(lab.a.node->path_kind(kPeer) == PathKind::kPeerToPeer);
  const size_t before =
      lab.relays[0]->server().allocation_count() + lab.relays[1]->server().allocation_count();
  REQUIRE(before == 4);
  lab.a.node->update_relays(lab.now, std::vector<RelayId>{RelayId("relay-1")}, {});
  lab.settle();
  lab.run_for(1s);
  CHECK(lab.relays[0]->server().allocation_count() == 1);
  CHECK(has_echo(lab));
  CHECK(lab.a.node->is_connected(kPeer));
  CHECK(lab.a.count<NoRelays>() == 0);
}

TEST_CASE("when the last relay falls silent it is given up, and that is said once") {
  Lab lab;
  lab.list_relays(lab.a);
  lab.run_for(1s);
  lab.loses = [](const Datagram&) { return true; };
  REQUIRE(lab.run_until([&] { return lab.a.count<NoRelays>() > 0; }, 60s));
  CHECK(lab.a.node->relays().empty());
  lab.run_for(60s);
  CHECK(lab.a.count<NoRelays>() == 1);
  CHECK(lab.upsert(lab.a) == Upserted::kNoRelays);
}

TEST_CASE("with UDP blocked the relay is given up 8.125 s after it was listed") {
  Lab lab;
  lab.loses = [](const Datagram&) { return true; };
  lab.list_relays(lab.a);
  lab.run_for(8s);
  CHECK(lab.a.count<NoRelays>() == 0);
  lab.run_for(200ms);
  CHECK(lab.a.count<NoRelays>() == 1);
}

// --- Late candidates (D5)

TEST_CASE("a relay without an allocation is not chosen while another has one") {
  const uint64_t seed = GENERATE(range<uint64_t>(1, 11));
  CAPTURE(seed);
  Lab lab({.seed = seed, .relays = 2});
  const auto is_allocate = [](const Datagram& each) {
    return each.bytes.size() > 1 && each.bytes[0] == 0 && each.bytes[1] == 3;
  };
  lab.loses = [&](const Datagram& each) {
    return is_allocate(each) && each.to.ip == lab.relays[0]->ip;
  };
  lab.list_relays(lab.a);
  lab.run_for(1s);
  REQUIRE(lab.a.node->relays()[0].allocation->round_trip_time().has_value());
  REQUIRE_FALSE(lab.a.node->relays()[0].allocation->is_allocated());
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  const auto locals = lab.a.node->agent(kPeer)->local_candidates();
  CHECK(std::any_of(locals.begin(), locals.end(), [&](const ice::Candidate& local) {
    return local.kind == ice::CandidateKind::kRelayed && local.address.ip == lab.relays[1]->ip;
  }));
}

// Both ends used relay 1; the portal says that it is gone and relay 2 is there.
void replace_relay(Lab& lab) {
  lab.relays.push_back(std::make_unique<testing::RelayHost>("relay-2", "198.51.100.2", 77));
  lab.relays[1]->start(lab.now, "secret");
  for (End* end : {&lab.a, &lab.b}) {
    const std::vector<RelayListing> listed{lab.relays[1]->listing_for("salt")};
    end->node->update_relays(lab.now, std::vector<RelayId>{RelayId("relay-1")}, listed);
    lab.settle();
  }
}

TEST_CASE("frozen, a connection that loses its relay fails at once; both ends start anew") {
  Lab lab;
  close_direct_path(lab);
  establish(lab);
  lab.run_for(ice::kPossibleFor);  // Until then the direct pairs may still come to work (D4).
  replace_relay(lab);
  lab.run_for(100ms);
  CHECK(lab.a.count<Failed>() == 1);
  CHECK(lab.b.count<Failed>() == 1);
  lab.run_for(1s);
  REQUIRE(lab.upsert(lab.b) == Upserted::kCreated);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  REQUIRE(lab.run_until([&] { return lab.b.count<Established>() == 2; }, 3s));
  CHECK(has_echo(lab));
}

TEST_CASE("accepting everything, the session moves to the new relay") {
  Lab lab({.node = {.late_candidates = LateCandidates::kAcceptAll}});
  close_direct_path(lab);
  establish(lab);
  replace_relay(lab);
  lab.run_for(3s);
  CHECK(lab.a.count<Failed>() + lab.b.count<Failed>() == 0);
  CHECK(lab.a.count<Established>() == 1);
  CHECK(has_echo(lab));
}

TEST_CASE(
    "a relay that starts again in silence is noticed in seconds by the end that lives on it") {
  Lab lab;
  lab.b_active = ice::kServerDefaultTiming;  // Its own checks are 15 s apart.
  close_direct_path(lab);
  establish(lab);
  lab.run_for(ice::kPossibleFor);
  REQUIRE(lab.b.node->path_kind(kPeer) == PathKind::kRelayToPeer);
  REQUIRE(has_echo(lab));
  lab.relays[0]->start(lab.now, "secret");
  REQUIRE(lab.relays[0]->server().allocation_count() == 0);
  REQUIRE(lab.run_until([&] { return lab.b.count<Failed>() == 1; }, 5s));
  CHECK(lab.a.count<Failed>() == 1);
  REQUIRE(lab.run_until([&] { return lab.relays[0]->server().allocation_count() == 1; }, 1s));
}

TEST_CASE("a relay is asked once about a peer that says nothing more, and not once per packet") {
  Lab lab;
  lab.b_active = ice::kServerDefaultTiming;
  close_direct_path(lab);
  establish(lab);
  lab.run_for(ice::kPossibleFor);
  REQUIRE(lab.b.node->path_kind(kPeer) == PathKind::kRelayToPeer);
  REQUIRE(has_echo(lab));
  const auto& allocation = *lab.b.node->relays()[0].allocation;
  lab.loses = [&](const Datagram& datagram) { return datagram.from.ip == lab.a.mapped; };
  lab.run_for(kRelayQuiet + 1s);
  const Timestamp asked_at = allocation.last_verified();
  CHECK(lab.now - asked_at < 1s + 1ms);
  for (int i = 0; i < 40; ++i) {  // Less than two of its own checks miss an answer meanwhile.
    lab.send(lab.b, ipv6_packet(60));
    lab.run_for(100ms);
  }
  CHECK(allocation.last_verified() == asked_at);
}

TEST_CASE("waking up is no reason to ask the relay: the peer has had no time to say anything") {
  Lab lab;
  close_direct_path(lab);
  establish(lab);
  lab.run_for(ice::kPossibleFor + kIdleThreshold + 15s);  // The last check was 10 s ago or more.
  REQUIRE(lab.b.node->state(kPeer) == ConnectionState::kIdle);
  const auto& allocation = *lab.b.node->relays()[0].allocation;
  const Timestamp before = allocation.last_verified();
  REQUIRE(has_echo(lab));
  lab.run_for(1s);
  CHECK(allocation.last_verified() == before);
}

TEST_CASE("literally frozen, what the peer signals after the selection is ignored") {
  const auto policy = GENERATE(LateCandidates::kFreezeRelays, LateCandidates::kLiteral);
  Lab lab({.node = {.late_candidates = policy}});
  establish(lab);
  const size_t before = lab.a.node->agent(kPeer)->remote_candidates().size();
  lab.a.node->add_remote_candidate(lab.now, kPeer,
                                   "candidate:1 1 udp 777 203.0.113.200 9999 typ srflx ufrag bbbb");
  const size_t after = lab.a.node->agent(kPeer)->remote_candidates().size();
  CHECK((after > before) == (policy == LateCandidates::kFreezeRelays));
}

TEST_CASE("an address that one relay shows is offered to connections of the other") {
  Lab lab({.relays = 2});
  lab.loses = [&](const Datagram& each) { return each.to.ip == lab.relays[1]->ip; };
  lab.list_relays(lab.a);
  lab.run_for(500ms);
  REQUIRE(lab.upsert(lab.a) == Upserted::kCreated);
  const size_t before = lab.a.count<CandidateAdded>();
  // Behind a NAT that maps by destination the second relay sees another port.
  lab.loses = [](const Datagram&) { return false; };
  lab.a.mapped = *IpAddress::parse("203.0.113.111");
  lab.run_for(2s);
  CHECK(lab.a.count<CandidateAdded>() == before + 1);
}

TEST_CASE("strangers can reach public addresses only") {
  struct Row {
    const char* ip;
    bool is_public;
  };
  const auto row = GENERATE(values<Row>({{"203.0.113.1", true},
                                         {"10.1.2.3", false},
                                         {"172.16.0.1", false},
                                         {"172.32.0.1", true},
                                         {"192.168.0.1", false},
                                         {"100.64.0.1", false},
                                         {"100.128.0.1", true},
                                         {"127.0.0.1", false},
                                         {"169.254.1.1", false},
                                         {"224.0.0.1", false},
                                         {"2001:db8::1", true},
                                         {"fd00::1", false},
                                         {"fe80::1", false},
                                         {"::1", false}}));
  CAPTURE(row.ip);
  CHECK(is_public(*IpAddress::parse(row.ip)) == row.is_public);
}

// --- reset()

TEST_CASE("a reset closes everything, changes the key, and nodes meet again") {
  Lab lab;
  establish(lab);
  const PublicKey before = lab.a.node->public_key();
  lab.a.node->reset(lab.now, ResetKind::kAlways);
  CHECK(lab.a.node->connection_count() == 0);
  lab.settle();
  CHECK(lab.a.count<Closed>() == 1);
  CHECK(lab.a.count<KeyChanged>() == 1);
  CHECK_FALSE(lab.a.node->public_key() == before);
  CHECK(lab.upsert(lab.a) == Upserted::kNoRelays);
  lab.run_for(1s);
  lab.ufrags = {"cccc", "dddd"};
  CHECK(lab.upsert(lab.b) == Upserted::kReplaced);
  CHECK(lab.upsert(lab.a) == Upserted::kCreated);
  REQUIRE(lab.run_until([&] { return lab.b.count<Established>() == 2; }, 3s));
  CHECK(has_echo(lab));
  CHECK(lab.relays[0]->server().allocation_count() == 2);
}

TEST_CASE("what failed before a reset is still reported") {
  Lab lab;
  lab.is_portal_down = true;
  lab.introduce();
  lab.a.node->handle_timeout(lab.now + 11s);
  lab.a.node->reset(lab.now + 11s, ResetKind::kAlways);
  std::vector<NodeEvent> events;
  while (auto event = lab.a.node->poll_event()) events.push_back(*event);
  REQUIRE(events.size() == 2);
  CHECK(std::holds_alternative<Failed>(events[0]));
  CHECK(std::holds_alternative<KeyChanged>(events[1]));
}

TEST_CASE("a reset for nothing leaves connections, relays and the key as they are") {
  Lab lab;
  const bool relayed = GENERATE(false, true);
  CAPTURE(relayed);
  if (relayed) close_direct_path(lab);
  establish(lab);
  const PublicKey before = lab.a.node->public_key();
  lab.a.events.clear();
  lab.a.node->reset(lab.now);
  lab.settle();
  lab.run_for(2s);
  CHECK(lab.a.events.empty());
  CHECK(lab.a.node->public_key() == before);
  CHECK(has_echo(lab));
}

TEST_CASE("a reset after the mapping or the address changed is done in earnest") {
  Lab lab;
  establish(lab);
  const std::string what = GENERATE("mapping", "address", "relays unreachable");
  CAPTURE(what);
  lab.is_roaming = true;
  if (what == "mapping") lab.a.mapped = *IpAddress::parse("203.0.113.111");
  if (what == "address") lab.a.local = *SocketAddress::parse("192.168.7.7:52625");
  if (what == "relays unreachable") lab.loses = [](const Datagram&) { return true; };
  lab.a.events.clear();
  lab.a.node->reset(lab.now);
  lab.settle();
  CHECK(lab.a.events.empty());
  REQUIRE(lab.run_until([&] { return lab.a.count<KeyChanged>() == 1; }, 1100ms));
  CHECK(lab.a.count<Closed>() + lab.a.count<Failed>() == 1);
  CHECK(lab.a.node->connection_count() == 0);
}

}  // namespace
}  // namespace connlib::snownet::node
