// A lying client reaches nothing that was not granted. Each lie gets the ICMP answer of spec tunnel
// 6.5 or silence, a counter, and nothing reaches the TUN.
#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "connlib/gateway/lab.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;

constexpr Filter kHttp{Filter::Protocol::kTcp, 80, 80};
constexpr Filter kPing{Filter::Protocol::kIcmp};

enum class Answer : uint8_t { kSilence, kProhibited, kNetworkUnreachable };

// What one packet from a client came to.
Answer answer_in(const LabClient& client, size_t before, const Bytes& question) {
  REQUIRE(client.packets.size() <= before + 1);
  if (client.packets.size() == before) return Answer::kSilence;
  Bytes bytes = client.packets.back();
  CHECK(has_right_checksums(bytes));
  auto parsed = IpPacket::parse(bytes);
  auto& packet = std::get<IpPacket>(parsed);
  Bytes copy = question;
  auto asked = IpPacket::parse(copy);
  const auto& original = std::get<IpPacket>(asked);
  CHECK(packet.source() == original.destination());
  CHECK(packet.destination() == original.source());
  CHECK(int{packet.hop_limit()} == 20);
  const auto icmp = packet.icmp();
  REQUIRE(icmp.has_value());
  const IcmpError said{packet.family(), icmp->type(), icmp->code()};
  if (said == IcmpError::prohibited(packet.family())) return Answer::kProhibited;
  REQUIRE(said == IcmpError::network_unreachable(packet.family()));
  return Answer::kNetworkUnreachable;
}

struct World : Lab {
  LabClient& alice = add_client("alice", 7);
  LabClient& bob = add_client("bob", 8);

  World() {
    REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8", {kHttp, kPing})));
    REQUIRE(authorize(alice, cidr("six", "2001:db8:1::/48", {kHttp})));
    REQUIRE(authorize(bob, cidr("vault", "172.16.0.0/12")));
    connect(alice);
    connect(bob);
  }

  void expect(const Bytes& packet, Answer answer, Unroutable reason) {
    const size_t before = alice.packets.size();
    const uint64_t counted = unroutable(reason);
    send(alice, packet);
    CHECK(answer_in(alice, before, packet) == answer);
    CHECK(unroutable(reason) == counted + 1);
    CHECK(tun.empty());
    CHECK(bob.packets.empty());
  }
};

SocketAddress alice4() { return endpoint("100.64.0.7:50000"); }
SocketAddress alice6() { return endpoint("[fd00:2021:1111::7]:50000"); }

TEST_CASE_METHOD(World, "a wrong source address is refused") {
  const char* from =
      GENERATE("100.64.0.8:50000", "100.64.0.9:50000", "192.168.1.5:50000", "8.8.8.8:50000",
               "127.0.0.1:50000", "[fd00:2021:1111::8]:50000", "[2001:db8::1]:50000");
  CAPTURE(from);
  const bool is_v4 = endpoint(from).ip.is_v4();
  const auto to = endpoint(is_v4 ? "10.1.2.3:80" : "[2001:db8:1::1]:80");
  expect(tcp_packet(endpoint(from), to), Answer::kProhibited, Unroutable::kNotTunnelSource);
}

TEST_CASE_METHOD(World, "packets from nobody are refused in silence") {
  expect(tcp_packet(endpoint("0.0.0.0:50000"), endpoint("10.1.2.3:80")), Answer::kSilence,
         Unroutable::kNotTunnelSource);
}

TEST_CASE_METHOD(World, "other clients and other gateways are not reached through this one") {
  expect(tcp_packet(alice4(), endpoint("100.64.0.8:80")), Answer::kProhibited,
         Unroutable::kOtherPeer);
  expect(tcp_packet(alice6(), endpoint("[fd00:2021:1111::8]:80")), Answer::kProhibited,
         Unroutable::kOtherPeer);
  expect(echo_packet(alice4().ip, address("100.95.255.255")), Answer::kProhibited,
         Unroutable::kOtherPeer);
}

TEST_CASE_METHOD(World, "the Internet resource does not lead to other clients either") {
  REQUIRE(authorize(alice, internet("internet")));
  expect(tcp_packet(alice4(), endpoint("100.64.0.8:80")), Answer::kProhibited,
         Unroutable::kOtherPeer);
  expect(tcp_packet(alice4(), endpoint("192.168.1.1:80")), Answer::kNetworkUnreachable,
         Unroutable::kNotInternet);
  expect(tcp_packet(alice6(), endpoint("[fd00::1]:80")), Answer::kNetworkUnreachable,
         Unroutable::kNotInternet);
}

TEST_CASE_METHOD(World, "ports and protocols outside the filters are refused") {
  expect(tcp_packet(alice4(), endpoint("10.1.2.3:81")), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(udp_packet(alice4(), endpoint("10.1.2.3:80")), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(ip_packet(alice4().ip, address("10.1.2.3"), 47, Bytes(20)), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(tcp_packet(alice6(), endpoint("[2001:db8:1::1]:22")), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(echo_packet(alice6().ip, address("2001:db8:1::1")), Answer::kProhibited,
         Unroutable::kNotAllowed);
}

TEST_CASE_METHOD(World, "what was granted to others is refused") {
  expect(tcp_packet(alice4(), endpoint("172.16.0.1:80")), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(tcp_packet(alice4(), endpoint("8.8.8.8:80")), Answer::kProhibited,
         Unroutable::kNotAllowed);
  expect(tcp_packet(alice4(), endpoint("100.96.0.1:80")), Answer::kProhibited,
         Unroutable::kNotAllowed);
}

TEST_CASE_METHOD(World, "the ports of the gateway's host are closed but for its DNS") {
  expect(tcp_packet(alice4(), endpoint("100.64.0.9:22")), Answer::kProhibited,
         Unroutable::kClosedHostPort);
  expect(udp_packet(alice6(), endpoint("[fd00:2021:1111::9]:161")), Answer::kProhibited,
         Unroutable::kClosedHostPort);
  // A grant that covers the address opens nothing.
  REQUIRE(authorize(alice, cidr("carrier", "100.64.0.0/10")));
  expect(tcp_packet(alice4(), endpoint("100.64.0.9:22")), Answer::kProhibited,
         Unroutable::kClosedHostPort);
  for (const Bytes& open : {udp_packet(alice4(), endpoint("100.64.0.9:53535")),
                            echo_packet(alice6().ip, address("fd00:2021:1111::9"))}) {
    tun.clear();
    send(alice, open);
    REQUIRE(tun.size() == 1);
    CHECK(tun[0] == open);
  }
}

TEST_CASE_METHOD(World, "ICMP errors of a client go nowhere") {
  Bytes out(IpPacket::kMaxBytes);
  const auto failed = tcp_packet(endpoint("10.1.2.3:80"), alice4());
  const auto error = write_icmp_error(IcmpError::prohibited(IpFamily::kV4),
                                      {alice4().ip, address("10.1.2.3")}, failed, out);
  expect({error.begin(), error.end()}, Answer::kSilence, Unroutable::kOutboundIcmpError);
}

TEST_CASE_METHOD(World, "fragments and multicast go nowhere") {
  Bytes fragment = udp_packet(alice4(), endpoint("10.1.2.3:80"), Bytes(64));
  fragment[6] = 0x20;  // More fragments.
  write_checksums(fragment);
  expect(fragment, Answer::kSilence, Unroutable::kMalformed);
  Bytes last = udp_packet(alice4(), endpoint("10.1.2.3:80"), Bytes(64));
  last[7] = 8;  // Offset.
  write_checksums(last);
  expect(last, Answer::kSilence, Unroutable::kMalformed);
  expect(udp_packet(alice4(), endpoint("224.0.0.251:5353")), Answer::kSilence,
         Unroutable::kMulticast);
  expect(udp_packet(alice6(), endpoint("[ff02::fb]:5353")), Answer::kSilence,
         Unroutable::kMulticast);
}

TEST_CASE_METHOD(World, "control packets never reach the TUN, whatever they hold") {
  Bytes packet(48);
  packet[0] = 0x60;
  packet[5] = 8;
  packet[6] = 0xff;
  for (const uint8_t type : {uint8_t{0}, uint8_t{1}, uint8_t{3}, uint8_t{255}}) {
    packet[40] = type;
    expect(packet, Answer::kSilence, Unroutable::kUnknownControl);
  }
  const auto status = control::encode_control_event(control::DomainStatus{
      ResourceId("lab"), "a.example", control::DomainStatus::Status::kActive});
  expect(*status, Answer::kSilence, Unroutable::kUnknownControl);
  Bytes cut(packet.begin(), packet.begin() + 44);
  cut[5] = 4;
  expect(cut, Answer::kSilence, Unroutable::kUnknownControl);
}

TEST_CASE_METHOD(World, "expired and revoked grants are refused") {
  REQUIRE(authorize(alice, cidr("brief", "192.168.0.0/16"), 1min));
  const auto to_brief = tcp_packet(alice4(), endpoint("192.168.1.1:80"));
  send(alice, to_brief);
  REQUIRE(tun.size() == 1);
  tun.clear();
  run_for(1min);
  expect(to_brief, Answer::kProhibited, Unroutable::kNotAllowed);
  tell(portal::RejectAccess{alice.id, ResourceId("lab")});
  expect(tcp_packet(alice4(), endpoint("10.1.2.3:80")), Answer::kProhibited,
         Unroutable::kNotAllowed);
}

TEST_CASE_METHOD(World, "a client that lost everything is heard no more") {
  tell(portal::RejectAccess{alice.id, ResourceId("lab")});
  const auto sealed_before = unroutable(Unroutable::kUnknownPeer);
  // Its side of the connection still stands: it has not read the goodbye yet.
  tell(portal::RejectAccess{alice.id, ResourceId("six")});
  send(alice, tcp_packet(alice4(), endpoint("10.1.2.3:80")));
  CHECK(tun.empty());
  CHECK(unroutable(Unroutable::kUnknownPeer) == sealed_before);  // The node drops it already.
}

// --- Lies from behind the gateway.

TEST_CASE_METHOD(World, "packets from the TUN reach clients from what was granted, and no other") {
  const auto [what, packet, reason] = GENERATE(table<const char*, Bytes, Unroutable>({
      {"a port outside the filters",
       tcp_packet(endpoint("10.1.2.3:22"), endpoint("100.64.0.7:50000")), Unroutable::kNotAllowed},
      {"what others were granted",
       tcp_packet(endpoint("172.16.0.1:80"), endpoint("100.64.0.7:50000")),
       Unroutable::kNotAllowed},
      {"another client", tcp_packet(endpoint("100.64.0.8:80"), endpoint("100.64.0.7:50000")),
       Unroutable::kSourceIsAPeer},
      {"to no tunnel address", tcp_packet(endpoint("10.1.2.3:80"), endpoint("192.168.1.1:50000")),
       Unroutable::kNotAPeer},
      {"to nobody", tcp_packet(endpoint("10.1.2.3:80"), endpoint("100.64.0.77:50000")),
       Unroutable::kNoPeerState},
      {"to a group", udp_packet(endpoint("10.1.2.3:80"), endpoint("224.0.0.1:50000")),
       Unroutable::kMulticast},
  }));
  CAPTURE(what);
  CHECK(std::get<Unroutable>(from_tun(packet)) == reason);
  CHECK(unroutable(reason) == 1);
  CHECK(alice.packets.empty());
}

TEST_CASE_METHOD(World, "a control packet from the TUN is not passed on") {
  Bytes goodbye(48);
  goodbye[0] = 0x60;
  goodbye[5] = 8;
  goodbye[6] = 0xff;
  goodbye[40] = 2;
  CHECK(std::get<Unroutable>(from_tun(goodbye)) == Unroutable::kControlFromTun);
  CHECK(alice.packets.empty());
}

TEST_CASE_METHOD(World, "the gateway's own answers and ICMP errors reach the client") {
  const auto own = udp_packet(endpoint("100.64.0.9:53535"), endpoint("100.64.0.7:50000"));
  from_tun(own);
  REQUIRE(alice.packets.size() == 1);
  CHECK(alice.packets[0] == own);

  Bytes out(IpPacket::kMaxBytes);
  const auto failed = tcp_packet(alice4(), endpoint("10.1.2.3:80"));
  const IcmpError host_unreachable{IpFamily::kV4, kIcmpv4Unreachable, 1};
  const auto error =
      write_icmp_error(host_unreachable, {address("203.0.113.200"), alice4().ip}, failed, out);
  from_tun({error.begin(), error.end()});
  REQUIRE(alice.packets.size() == 2);
  CHECK(alice.packets[1] == Bytes(error.begin(), error.end()));
}

TEST_CASE_METHOD(World, "packets to a client that is still connecting are dropped, not kept") {
  LabClient& carol = add_client("carol", 10);
  REQUIRE(authorize(carol, cidr("lab", "10.0.0.0/8")));
  const auto packet = tcp_packet(endpoint("10.1.2.3:80"), endpoint("100.64.0.10:50000"));
  CHECK(std::get<Unroutable>(from_tun(packet)) == Unroutable::kNotConnected);
  connect(carol);
  run_for(1s);
  CHECK(carol.packets.empty());
}

}  // namespace
}  // namespace connlib::gateway
