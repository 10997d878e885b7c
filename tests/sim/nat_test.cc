#include "tests/sim/nat.h"

#include <set>

#include <catch2/catch.hpp>

namespace connlib::sim {
namespace {

constexpr Timestamp kNow = Timestamp::from_nanoseconds(11'000'000'000'123);

SocketAddress at(const char* text) {
  const auto address = SocketAddress::parse(text);
  REQUIRE(address.has_value());
  return *address;
}
IpAddress outer() { return at("203.0.113.21:1").ip; }

const SocketAddress kInner = {Ipv4Address{{10, 1, 0, 2}}, 5000};
const SocketAddress kOther = {Ipv4Address{{10, 1, 0, 3}}, 5000};
const SocketAddress kPeer = {Ipv4Address{{203, 0, 113, 30}}, 7000};
const SocketAddress kPeerOtherPort = {Ipv4Address{{203, 0, 113, 30}}, 7001};
const SocketAddress kStranger = {Ipv4Address{{203, 0, 113, 40}}, 7000};

Nat nat_of(const NatBehaviour& behaviour, uint64_t seed = 1) {
  return Nat(behaviour, outer(), SeededRandom(seed));
}
uint16_t open(Nat& nat, Timestamp now, const SocketAddress& inner, const SocketAddress& remote) {
  const auto result = nat.translate_outbound(now, inner, remote);
  REQUIRE(std::holds_alternative<SocketAddress>(result));
  CHECK(std::get<SocketAddress>(result).ip == outer());
  return std::get<SocketAddress>(result).port;
}
bool enters(Nat& nat, Timestamp now, const SocketAddress& remote, uint16_t port) {
  const auto result = nat.translate_inbound(now, remote, port);
  if (const auto* inner = std::get_if<SocketAddress>(&result)) CHECK(*inner == kInner);
  return std::holds_alternative<SocketAddress>(result);
}

}  // namespace

TEST_CASE("each kind maps and filters as RFC 4787 says") {
  struct Row {
    NatBehaviour kind;
    bool same_port_for_other_port;
    bool same_port_for_other_address;
    bool admits_other_port;
    bool admits_stranger;
  };
  NatBehaviour address_dependent = kSymmetric;
  address_dependent.mapping = Dependence::kAddressDependent;
  const auto row = GENERATE_COPY(values<Row>({
      {kFullCone, true, true, true, true},
      {kAddressRestricted, true, true, true, false},
      {kPortRestricted, true, true, false, false},
      {kSymmetric, false, false, false, false},
      {address_dependent, true, false, false, false},
  }));
  CAPTURE(row.kind.name);
  Nat nat = nat_of(row.kind);

  const uint16_t mapped = open(nat, kNow, kInner, kPeer);
  CHECK(enters(nat, kNow, kPeer, mapped));
  CHECK(enters(nat, kNow, kPeerOtherPort, mapped) == row.admits_other_port);
  CHECK(enters(nat, kNow, kStranger, mapped) == row.admits_stranger);
  CHECK((open(nat, kNow, kInner, kPeerOtherPort) == mapped) == row.same_port_for_other_port);
  CHECK((open(nat, kNow, kInner, kStranger) == mapped) == row.same_port_for_other_address);
  CHECK(open(nat, kNow, kInner, kPeer) == mapped);
}

TEST_CASE("a preserved port goes to the first who wants it") {
  Nat nat = nat_of(kPortRestricted);
  CHECK(open(nat, kNow, kInner, kPeer) == kInner.port);
  const uint16_t second = open(nat, kNow, kOther, kPeer);
  CHECK(second != kOther.port);
  CHECK(open(nat, kNow, kOther, kStranger) == second);  // Still independent of the endpoint.
}

TEST_CASE("a mapping lapses without outbound traffic, and the filter with it") {
  auto behaviour = GENERATE(values({kFullCone, kAddressRestricted, kPortRestricted, kSymmetric}));
  behaviour.expiry = 30s;
  CAPTURE(behaviour.name);
  Nat nat = nat_of(behaviour);
  const uint16_t mapped = open(nat, kNow, kInner, kPeer);

  CHECK(enters(nat, kNow + 30s - 1ns, kPeer, mapped));
  SECTION("inbound does not refresh") {
    CHECK_FALSE(enters(nat, kNow + 30s, kPeer, mapped));
    CHECK(nat.live_mappings(kNow + 30s) == 0);
  }
  SECTION("outbound refreshes") {
    open(nat, kNow + 29s, kInner, kPeer);
    CHECK(enters(nat, kNow + 58s, kPeer, mapped));
  }
  SECTION("a cone keeps its port over the gap, a symmetric NAT does not") {
    const bool is_cone = behaviour.mapping == Dependence::kEndpointIndependent;
    CHECK((open(nat, kNow + 31s, kInner, kPeer) == mapped) == is_cone);
  }
}

TEST_CASE("inbound traffic that refreshes the mapping leaves the filter alone") {
  NatBehaviour behaviour = kPortRestricted;
  behaviour.expiry = 30s;
  behaviour.inbound_refreshes = true;
  Nat nat = nat_of(behaviour);
  const uint16_t mapped = open(nat, kNow, kInner, kPeer);
  CHECK(enters(nat, kNow + 20s, kPeer, mapped));
  CHECK(nat.live_mappings(kNow + 40s) == 1);
  CHECK_FALSE(enters(nat, kNow + 40s, kPeer, mapped));

  behaviour.filtering = Dependence::kEndpointIndependent;
  Nat open_nat = nat_of(behaviour);
  const uint16_t port = open(open_nat, kNow, kInner, kPeer);
  CHECK(enters(open_nat, kNow + 20s, kPeer, port));
  CHECK(enters(open_nat, kNow + 40s, kPeer, port));
}

TEST_CASE("one remote end's filter entry lapses while another's lives") {
  NatBehaviour behaviour = kPortRestricted;
  behaviour.expiry = 30s;
  Nat nat = nat_of(behaviour);
  const uint16_t mapped = open(nat, kNow, kInner, kPeer);
  open(nat, kNow + 20s, kInner, kStranger);
  CHECK_FALSE(enters(nat, kNow + 31s, kPeer, mapped));
  CHECK(enters(nat, kNow + 31s, kStranger, mapped));
}

TEST_CASE("unsolicited datagrams take no port and open no hole") {
  Nat nat = nat_of(kPortRestricted);
  CHECK_FALSE(enters(nat, kNow, kPeer, kInner.port));
  CHECK(nat.live_mappings(kNow) == 0);
  CHECK(open(nat, kNow, kInner, kStranger) == kInner.port);
  CHECK_FALSE(enters(nat, kNow, kPeer, kInner.port));
}

TEST_CASE("a NAT that reboots forgets its mappings") {
  const auto behaviour = GENERATE(values({kPortRestricted, kSymmetric}));
  CAPTURE(behaviour.name);
  Nat nat = nat_of(behaviour);
  const uint16_t before = open(nat, kNow, kInner, kPeer);
  nat.reboot();
  CHECK_FALSE(enters(nat, kNow, kPeer, before));
  const uint16_t after = open(nat, kNow, kInner, kPeer);
  CHECK((after == before) == (behaviour.ports == PortAssignment::kPreserving));
}

TEST_CASE("a full NAT drops new flows and serves the old ones") {
  NatBehaviour behaviour = kSymmetric;
  behaviour.max_mappings = 10;
  Nat nat = nat_of(behaviour);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 10; ++i) {
    ports.insert(open(nat, kNow, kInner, {kPeer.ip, static_cast<uint16_t>(100 + i)}));
  }
  CHECK(ports.size() == 10);
  const auto refused = nat.translate_outbound(kNow, kInner, kStranger);
  REQUIRE(std::holds_alternative<DropReason>(refused));
  CHECK(std::get<DropReason>(refused) == DropReason::kNatTableFull);
  CHECK(ports.contains(open(nat, kNow, kInner, {kPeer.ip, 105})));
  open(nat, kNow + behaviour.expiry, kInner, kStranger);  // The lapsed ones made room.
  CHECK(nat.live_mappings(kNow + behaviour.expiry) == 1);
}

TEST_CASE("a filter keeps a bounded number of remote ends, the latest") {
  Nat nat = nat_of(kPortRestricted);
  for (size_t i = 0; i < 2 * Nat::kMaxAdmitted; ++i) {
    open(nat, kNow + Duration(i), kInner, {kPeer.ip, static_cast<uint16_t>(1 + i)});
  }
  CHECK_FALSE(enters(nat, kNow, {kPeer.ip, 1}, kInner.port));
  CHECK(enters(nat, kNow, {kPeer.ip, 2 * Nat::kMaxAdmitted}, kInner.port));
}

TEST_CASE("a port forward on a symmetric NAT lets anybody in and answers by the same port") {
  Nat nat = nat_of(kSymmetric);
  nat.forward(52625, kInner);
  CHECK(open(nat, kNow, kInner, kPeer) != 52625);  // Unasked, the way out is as ever.
  CHECK(enters(nat, kNow, kStranger, 52625));
  CHECK(open(nat, kNow, kInner, kStranger) == 52625);
  nat.reboot();
  CHECK(enters(nat, kNow, kStranger, 52625));
}

}  // namespace connlib::sim
