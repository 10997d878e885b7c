// A client, gateways that tests script, a relay and a portal, over a virtual network: how packets
// find their resource, and what is asked for.
#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "connlib/control/control_packet.h"
#include "connlib/packet/icmp_error.h"
#include "snownet/node/goodbye.h"
#include "tests/tunnel/packets.h"

namespace connlib::tunnel {
namespace {

using client::Fate;
using client::Status;
using P = Filter::Protocol;

const ResourceId kLab("lab");

Status status_of(const Setting& s, const char* id) {
  for (const auto& view : s.client->reports.back().resources) {
    if (view.resource.id.value() == id) return view.status;
  }
  return Status::kUnknown;
}

// A setting whose client is connected to gateway 0 for the lab.
struct Connected : Setting {
  explicit Connected(size_t gateways = 1,
                     std::vector<portal::ClientResource> resources = {cidr("lab", "172.20.0.0/16")})
      : Setting(7, gateways) {
    init(std::move(resources));
    send(to("172.20.1.1:53"));
    REQUIRE(run_until_received(0, to("172.20.1.1:53")));
  }
};

TEST_CASE("the first packet to a resource arrives after everything it took") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  CHECK(s.send(to("172.20.1.1:53")) == Fate::kWaiting);
  REQUIRE(s.requests() == 1);
  CHECK(s.all_requests()[0].resource_id == kLab);
  CHECK(s.run_until_received(0, to("172.20.1.1:53")));
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kSent);
  s.world.run_for(200ms);
  CHECK(s.gateway().received.back() == to("172.20.1.1:53", 2));
  s.gateway_sends(from("172.20.1.1:53"));
  CHECK(s.client->received == std::vector<Bytes>{from("172.20.1.1:53")});
}

TEST_CASE("packets that waited arrive in their order, each once") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  for (uint8_t i = 0; i < 20; ++i) s.send(to("172.20.1.1:53", i));
  s.send(to("172.20.1.1:53", 0));
  REQUIRE(s.run_until_received(0, to("172.20.1.1:53", 19)));
  REQUIRE(s.gateway().received.size() == 20);
  for (uint8_t i = 0; i < 20; ++i) CHECK(s.gateway().received[i] == to("172.20.1.1:53", i));
  CHECK(s.requests() == 1);
}

// Lessons 039d0be7b8, 44a4c21610, and what no tunnel carries: none of it may ask for anything.
TEST_CASE("what is not for the tunnel goes nowhere and asks for nothing") {
  Setting s;
  s.init({resource("internet", InternetAddress{})});
  s.act([](client::ClientState& state, Timestamp now) { state.want_internet(now, true); });
  const auto udp = [](const char* source, const char* destination) {
    return testing::udp_packet(testing::endpoint(source), testing::endpoint(destination), {1});
  };
  struct Row {
    const char* what;
    Fate fate;
    Bytes packet;
  };
  const auto goodbye = control::goodbye_packet();
  const std::vector<Row> rows = {
      {"another source", Fate::kNotTunnelSource, udp("192.168.0.2:1", "8.8.8.8:53")},
      {"to ourselves", Fate::kToSelf, udp("100.64.0.7:1", "100.64.0.7:53")},
      {"multicast", Fate::kMulticast, udp("100.64.0.7:1", "224.0.0.251:5353")},
      {"a sentinel of yesterday", Fate::kUnmappedSentinel, udp("100.64.0.7:1", "100.100.111.9:53")},
      {"an unknown peer", Fate::kUnknownResource, udp("100.64.0.7:1", "100.64.0.200:53")},
      {"a control packet", Fate::kControlFromTun, {goodbye.begin(), goodbye.end()}},
      {"no packet", Fate::kMalformed, {0x45, 0x00}},
      {"another protocol", Fate::kUnsupportedProtocol,
       testing::ip_packet(testing::address("100.64.0.7"), testing::address("8.8.8.8"), 47,
                          Bytes(8))},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    CHECK(s.send(row.packet) == row.fate);
    CHECK(s.client->state().outbound().of(row.fate) > 0);
  }
  s.world.run_for(5s);
  CHECK(s.requests() == 0);
  CHECK(s.client->received.empty());
}

TEST_CASE("before there is an interface no packet goes anywhere") {
  Setting s;
  CHECK(s.send(to("172.20.1.1:53")) == Fate::kNotReady);
}

// Lessons da69cc7e70, 8f4f95aa9d: forbidden packets made clients ask for ever.
TEST_CASE("a packet that its filter forbids earns one ICMP error and no request") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16", {{P::kTcp, 443, 443}})});
  CHECK(s.send(to("172.20.1.1:53")) == Fate::kAnswered);
  s.world.run_for(10s);
  CHECK(s.requests() == 0);
  REQUIRE(s.client->received.size() == 1);
  CHECK(icmp_of(s.client->received[0]) == kProhibited);
}

// Lesson 12fc05dbbc.
TEST_CASE("a resource that was just removed is not asked for") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16")});
  s.is_answering = false;
  s.send(to("172.20.1.1:53"));
  s.tell(portal::ResourceDeleted{kLab});
  const size_t before = s.requests();
  s.send(to("172.20.1.1:53", 2));
  s.world.run_for(1min);
  CHECK(s.requests() == before);
  s.authorize(kLab);  // Late: nobody waits for it.
  s.world.run_for(5s);
  CHECK(s.client->state().node().connection_count() == 0);
}

// Lesson 991a334715: policy may change while a connection is set up.
TEST_CASE("packets of a resource that is removed while connecting never leave") {
  Setting s;
  s.init({cidr("lab", "172.20.0.0/16"), cidr("attic", "172.21.0.0/16")});
  s.send(to("172.20.1.1:53"));
  s.send(to("172.21.1.1:53"));
  s.world.run_for(30ms);  // Granted, not connected.
  s.tell(portal::ResourceDeleted{kLab});
  REQUIRE(s.run_until_received(0, to("172.21.1.1:53")));
  s.world.run_for(1s);
  for (const Bytes& packet : s.gateway().received) CHECK(packet != to("172.20.1.1:53"));
}

// Lesson 97ae522f74: it mattered who had connected first.
TEST_CASE("a packet goes to the gateway of its resource whoever else is connected") {
  Setting s(7, 2);
  s.init({cidr("wide", "172.16.0.0/12"), cidr("narrow", "172.20.0.0/16", {}, "site1")});
  s.is_answering = false;
  s.send(to("172.17.1.1:53"));
  s.authorize(ResourceId("wide"), 0);
  s.send(to("172.20.1.1:53"));
  s.authorize(ResourceId("narrow"), 1);
  REQUIRE(s.run_until_received(0, to("172.17.1.1:53")));
  REQUIRE(s.run_until_received(1, to("172.20.1.1:53")));
  CHECK(s.gateway(0).received.size() == 1);
  CHECK(s.gateway(1).received.size() == 1);
}

// Lesson 928d8a2512.
TEST_CASE("a resource that moves to another site leaves its gateway") {
  Connected s(2);
  s.is_answering = false;
  s.tell(portal::ResourceUpserted{cidr("lab", "172.20.0.0/16", {}, "site1")});
  s.world.run_for(200ms);
  CHECK(snownet::node::is_goodbye(s.gateway(0).received.back()));
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kWaiting);
  s.authorize(kLab, 1);
  CHECK(s.run_until_received(1, to("172.20.1.1:53", 2)));
}

TEST_CASE("a renamed resource keeps its connection") {
  Connected s;
  Resource renamed = cidr("lab", "172.20.0.0/16");
  renamed.name = "Laboratory";
  s.tell(portal::ResourceUpserted{renamed});
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kSent);
  CHECK(s.client->reports.back().resources[0].resource.name == "Laboratory");
}

TEST_CASE("the last resource takes the connection with it, and not an earlier one") {
  Connected s(1, {cidr("lab", "172.20.0.0/16"), cidr("attic", "172.21.0.0/16")});
  s.send(to("172.21.1.1:53"));
  REQUIRE(s.run_until_received(0, to("172.21.1.1:53")));
  s.tell(portal::ResourceDeleted{kLab});
  s.world.run_for(200ms);
  CHECK(s.gateway().received.back() == to("172.21.1.1:53"));
  CHECK(s.client->state().node().connection_count() == 1);
  s.tell(portal::ResourceDeleted{ResourceId("attic")});
  s.world.run_for(200ms);
  CHECK(snownet::node::is_goodbye(s.gateway().received.back()));
  CHECK(s.client->state().node().connection_count() == 0);
}

// Lessons 533f4c319b, 0310bafbcd; failover is the next packet (spec tunnel 2.7).
TEST_CASE("a goodbye is believed at once, and the next packet starts over") {
  Connected s;
  REQUIRE(status_of(s, "lab") == Status::kOnline);
  const auto goodbye = control::goodbye_packet();
  s.gateway_sends({goodbye.begin(), goodbye.end()});
  CHECK(s.client->received.empty());
  CHECK(s.client->state().node().connection_count() == 0);
  CHECK(status_of(s, "lab") == Status::kUnknown);
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kWaiting);
  REQUIRE(s.requests() == 2);
  CHECK(s.all_requests()[1].connected_gateway_ids == std::vector{GatewayId("gateway0")});
}

// Lesson b11adfcfe4: a gateway that restarted had forgotten what the client believed in.
TEST_CASE("a gateway that says prohibited is asked for again, at most every two seconds") {
  Connected s;
  s.is_answering = false;
  Bytes error(IpPacket::kMaxBytes);
  Bytes failed = to("172.20.1.1:53");
  auto parsed = IpPacket::parse(failed);
  const auto written = answer_with_icmp_error(IcmpError::prohibited(IpFamily::kV4),
                                              std::get<IpPacket>(parsed), error);
  error.resize(written.size());
  for (int i = 0; i < 5; ++i) s.gateway_sends(error);
  CHECK(s.requests() == 2);
  CHECK(s.client->received.size() == 5);  // The application hears of it as well.
  s.world.run_for(2s);
  s.gateway_sends(error);
  CHECK(s.requests() == 3);
  s.authorize(kLab);
  CHECK(s.send(to("172.20.1.1:53", 2)) == Fate::kSent);
}

TEST_CASE("a gateway may not speak for what it does not serve") {
  const auto [source, is_delivered] = GENERATE(table<const char*, bool>({
      {"172.20.1.1:53", true},     // The resource.
      {"100.64.0.100:53", true},   // Itself.
      {"172.21.0.1:53", false},    // A neighbour of the resource.
      {"8.8.8.8:53", false},       // The Internet.
      {"100.64.0.101:53", false},  // Another peer.
      {"100.96.0.1:53", false},    // A name that nobody asked for.
  }));
  Connected s;
  CAPTURE(source);
  s.gateway_sends(from(source));
  CHECK(s.client->received.size() == (is_delivered ? 1 : 0));
  CHECK(s.client->state().inbound().of(Fate::kNotAllowedResource) == (is_delivered ? 0 : 1));
}

TEST_CASE("a gateway may not send past us") {
  Connected s;
  s.gateway_sends(testing::udp_packet(testing::endpoint("172.20.1.1:53"),
                                      testing::endpoint("192.0.2.1:9"), {}));
  CHECK(s.client->received.empty());
  CHECK(s.client->state().inbound().of(Fate::kSpoofed) == 1);
}

TEST_CASE("control packets never reach the TUN, known or not") {
  Connected s;
  Bytes unknown(control::kControlOverheadBytes);
  control::write_control_packet(200, {}, unknown);
  s.gateway_sends(unknown);
  CHECK(s.client->received.empty());
  CHECK(s.client->state().inbound().of(Fate::kTaken) == 1);
}

}  // namespace
}  // namespace connlib::tunnel
