// Names through the gateway: control packets, resolution, proxies and what they lead to.
#include <catch2/catch.hpp>

#include "connlib/control/control_event.h"
#include "connlib/gateway/lab.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using namespace connlib::gateway::testing;
using namespace connlib::testing;
using control::DomainStatus;

constexpr Filter kHttp{Filter::Protocol::kTcp, 80, 80};

struct World : Lab {
  LabClient& alice = add_client("alice", 7);

  World() {
    REQUIRE(authorize(alice, dns("wiki", "*.example.com", {kHttp})));
    connect(alice);
  }

  // assign() has alice give the four proxies from `first` on, and as many of IPv6, to `domain`.
  void assign(const char* resource, const char* domain, uint8_t first = 1) {
    control::AssignedIps event{ResourceId(resource), domain, {}};
    for (uint8_t i = 0; i < 4; ++i) {
      const auto n = static_cast<uint8_t>(first + i);
      event.proxy_ips.emplace_back(Ipv4Address{{100, 96, 0, n}});
      event.proxy_ips.emplace_back(
          Ipv6Address{{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, n}});
    }
    send(alice, control::encode_control_event(event).value());
  }
  // The last packet to alice, which is a status.
  DomainStatus status() {
    REQUIRE_FALSE(alice.packets.empty());
    auto event = control::decode_control_event(alice.packets.back());
    return std::get<DomainStatus>(std::get<control::ControlEvent>(event));
  }
  void resolved(const char* domain, std::vector<IpAddress> to) {
    assign("wiki", domain);
    resolve(domain, std::move(to));
    REQUIRE(status().status == DomainStatus::Status::kActive);
    alice.packets.clear();
  }
  Bytes to(const char* proxy) { return tcp_packet(endpoint("100.64.0.7:50000"), endpoint(proxy)); }
  bool is_answered(const IcmpError& error) {
    if (alice.packets.size() != 1) return false;
    auto parsed = IpPacket::parse(alice.packets[0]);
    const auto icmp = std::get<IpPacket>(parsed).icmp();
    return icmp && icmp->type() == error.type && icmp->code() == error.code;
  }
};

TEST_CASE_METHOD(World, "a name is resolved and its proxies lead there and back") {
  assign("wiki", "Git.example.com");
  CHECK(alice.packets.empty());
  resolve("Git.example.com", {{address("10.9.8.7"), address("2001:db8::7")}});
  CHECK(status() ==
        DomainStatus{ResourceId("wiki"), "Git.example.com", DomainStatus::Status::kActive});
  alice.packets.clear();

  send(alice, to("100.96.0.3:80"));
  REQUIRE(tun.size() == 1);
  CHECK(tun[0] == tcp_packet(endpoint("100.64.0.7:50000"), endpoint("10.9.8.7:80")));
  from_tun(tcp_packet(endpoint("10.9.8.7:80"), endpoint("100.64.0.7:50000")));
  REQUIRE(alice.packets.size() == 1);
  CHECK(alice.packets[0] == tcp_packet(endpoint("100.96.0.3:80"), endpoint("100.64.0.7:50000")));

  send(alice,
       tcp_packet(endpoint("[fd00:2021:1111::7]:50000"), endpoint("[fd00:2021:1111:8000::2]:80")));
  REQUIRE(tun.size() == 2);
  CHECK(tun[1] == tcp_packet(endpoint("[fd00:2021:1111::7]:50000"), endpoint("[2001:db8::7]:80")));
}

TEST_CASE_METHOD(World, "names that were not granted are refused without asking a resolver") {
  const auto [resource, domain] = GENERATE(table<const char*, const char*>({
      {"wiki", "secret.example.org"},
      {"never granted", "git.example.com"},
      {"lab", "git.example.com"},  // Granted, but no name.
  }));
  CAPTURE(resource, domain);
  REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
  assign(resource, domain);
  CHECK(resolutions.empty());
  CHECK(status() == DomainStatus{ResourceId(resource), domain, DomainStatus::Status::kInactive});
  alice.packets.clear();
  send(alice, to("100.96.0.1:80"));
  CHECK(tun.empty());
  CHECK(is_answered(IcmpError::prohibited(IpFamily::kV4)));
}

TEST_CASE_METHOD(World, "a failed resolution leaves the name inactive") {
  assign("wiki", "git.example.com");
  resolve("git.example.com", std::nullopt);
  CHECK(status().status == DomainStatus::Status::kInactive);
}

TEST_CASE_METHOD(World, "a resolution that the shell lost leaves the name inactive, too") {
  assign("wiki", "git.example.com");
  run_for(kResolutionTimeout);
  CHECK(status().status == DomainStatus::Status::kInactive);
  resolve("git.example.com", {{address("10.9.8.7")}});  // Late.
  send(alice, to("100.96.0.1:80"));
  CHECK(tun.empty());
}

TEST_CASE_METHOD(World, "a name without addresses is active, and traffic to it fails at once") {
  resolved("git.example.com", {});
  send(alice, to("100.96.0.1:80"));
  CHECK(tun.empty());
  CHECK(is_answered(IcmpError::network_unreachable(IpFamily::kV4)));
  CHECK(unroutable(Unroutable::kNoTranslation) == 1);
}

TEST_CASE_METHOD(World, "a family without addresses fails at once, so that the other is tried") {
  resolved("git.example.com", {address("2001:db8::7")});
  send(alice, to("100.96.0.1:80"));
  CHECK(tun.empty());
  CHECK(is_answered(IcmpError::network_unreachable(IpFamily::kV4)));
}

TEST_CASE_METHOD(World, "a name does not lead to the gateway, to clients or to its link") {
  resolved("git.example.com",
           {address("100.64.0.9"), address("127.0.0.1"), address("169.254.169.254")});
  send(alice, to("100.96.0.1:80"));
  CHECK(tun.empty());
  CHECK(is_answered(IcmpError::network_unreachable(IpFamily::kV4)));
}

TEST_CASE_METHOD(World, "filters of a name hold in both directions") {
  resolved("git.example.com", {address("10.9.8.7")});
  send(alice, to("100.96.0.1:81"));
  CHECK(tun.empty());
  CHECK(is_answered(IcmpError::prohibited(IpFamily::kV4)));
  const auto answer = tcp_packet(endpoint("10.9.8.7:80"), endpoint("100.64.0.7:50001"));
  CHECK(std::get<Unroutable>(from_tun(answer)) == Unroutable::kNotAllowed);
}

TEST_CASE_METHOD(World, "proxies of another client mean nothing here") {
  resolved("git.example.com", {address("10.9.8.7")});
  LabClient& bob = add_client("bob", 8);
  REQUIRE(authorize(bob, dns("wiki", "*.example.com", {kHttp})));
  connect(bob);
  send(bob, tcp_packet(endpoint("100.64.0.8:50000"), endpoint("100.96.0.1:80")));
  CHECK(tun.empty());
  CHECK(unroutable(Unroutable::kNotAllowed) == 1);
}

TEST_CASE_METHOD(World, "a client that asks again and again costs one resolution") {
  for (int i = 0; i < 20; ++i) assign("wiki", "git.example.com");
  CHECK(resolutions.size() == 1);
  resolve("git.example.com", {{address("10.9.8.7")}});
  CHECK(alice.packets.size() == 1);
}

TEST_CASE_METHOD(World, "a client that renumbers its names does not reach the old ones") {
  resolved("git.example.com", {address("10.9.8.7")});
  resolved("www.example.com", {address("10.1.1.1")});  // On the same proxies.
  send(alice, to("100.96.0.1:80"));
  REQUIRE(tun.size() == 1);
  CHECK(tun[0] == tcp_packet(endpoint("100.64.0.7:50000"), endpoint("10.1.1.1:80")));
}

TEST_CASE_METHOD(World, "a running connection keeps its address when the name moves") {
  resolved("git.example.com", {address("10.9.8.7")});
  send(alice, to("100.96.0.1:80"));
  resolved("git.example.com", {address("10.1.1.1")});
  send(alice, to("100.96.0.1:80"));
  REQUIRE(tun.size() == 2);
  CHECK(tun[1] == tun[0]);
}

TEST_CASE_METHOD(World, "a packet of a session that ended does not reach the client unmasked") {
  // The address is granted as a network, too; the late answer must not pass as its traffic.
  REQUIRE(authorize(alice, cidr("lab", "10.0.0.0/8")));
  resolved("git.example.com", {address("10.9.8.7")});
  send(alice, to("100.96.0.1:80"));
  run_for(2min);
  const auto late = tcp_packet(endpoint("10.9.8.7:80"), endpoint("100.64.0.7:50000"));
  CHECK(std::get<Unroutable>(from_tun(late)) == Unroutable::kExpiredNatSession);
  CHECK(alice.packets.empty());
}

TEST_CASE_METHOD(World, "an ICMP error about a translated packet names the proxy") {
  resolved("git.example.com", {address("10.9.8.7")});
  send(alice, to("100.96.0.1:80"));
  REQUIRE(tun.size() == 1);
  Bytes out(IpPacket::kMaxBytes);
  const IcmpError host_unreachable{IpFamily::kV4, kIcmpv4Unreachable, 1};
  const auto error = write_icmp_error(host_unreachable,
                                      {address("10.0.0.254"), address("100.64.0.7")}, tun[0], out);
  from_tun({error.begin(), error.end()});
  REQUIRE(alice.packets.size() == 1);
  auto parsed = IpPacket::parse(alice.packets[0]);
  auto& packet = std::get<IpPacket>(parsed);
  CHECK(packet.source() == address("100.96.0.1"));
  const auto read = parse_icmp_error(packet);
  REQUIRE(read.has_value());
  CHECK(read->error == host_unreachable);
  CHECK(read->quoted.destination() == address("100.96.0.1"));
  CHECK(read->quoted.source_protocol() == Protocol::tcp(50000));
}

TEST_CASE_METHOD(World, "an answer for a client that has gone meanwhile is dropped") {
  assign("wiki", "git.example.com");
  tell(portal::RejectAccess{alice.id, ResourceId("wiki")});
  alice.packets.clear();
  resolve("git.example.com", {{address("10.9.8.7")}});
  CHECK(gateway->client_count() == 0);
  CHECK(alice.packets.size() <= 1);  // The goodbye, no status.
}

TEST_CASE_METHOD(World, "what is not of ports cannot be translated") {
  REQUIRE(authorize(alice, dns("open", "open.example.com")));
  assign("open", "open.example.com", 21);
  resolve("open.example.com", {{address("10.9.8.7")}});
  send(alice, ip_packet(address("100.64.0.7"), address("100.96.0.21"), 47, Bytes(20)));
  CHECK(tun.empty());
  CHECK(unroutable(Unroutable::kUnsupportedProtocol) == 1);
}

}  // namespace
}  // namespace connlib::gateway
