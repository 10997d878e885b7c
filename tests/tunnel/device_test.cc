// Client to client: the machine at the other end plays another client. Access has a direction.
#include <catch2/catch.hpp>

#include "connlib/packet/icmp_error.h"
#include "snownet/node/goodbye.h"
#include "tests/tunnel/packets.h"

namespace connlib::tunnel {
namespace {

using client::Fate;
using P = Filter::Protocol;

const ResourceId kPrinters("printers");
constexpr const char* kPrinter = "100.64.0.100:631";
const Filter kPrinting{P::kUdp, 631, 631};

portal::ClientResource printers(std::vector<Filter> filters = {}) {
  return portal::StaticDevicePool{
      kPrinters,
      "Printers",
      {{ClientId("gateway0"), {Ipv4Address{{100, 64, 0, 100}}, tunnel_v6(100)}}},
      std::move(filters)};
}
// What the other client sends, of its own accord.
Bytes knock(uint16_t port, const char* source = "100.64.0.100", const char* target = "100.64.0.7") {
  return testing::udp_packet({testing::address(source), 5000}, {testing::address(target), port},
                             {9});
}
// The answer of our application to it.
Bytes answer(uint16_t port) {
  return testing::udp_packet({testing::address("100.64.0.7"), port},
                             testing::endpoint("100.64.0.100:5000"), {8});
}
Bytes error_about(const Bytes& packet) {
  Bytes failed = packet;
  Bytes error(IpPacket::kMaxBytes);
  auto parsed = IpPacket::parse(failed);
  const auto written = answer_with_icmp_error(IcmpError::network_unreachable(IpFamily::kV4),
                                              std::get<IpPacket>(parsed), error);
  error.resize(written.size());
  return error;
}

// The other client holds a right to us, and is connected.
struct Target : Setting {
  explicit Target(std::vector<Filter> filters) {
    init({});
    introduce(inbound(std::move(filters)));
    REQUIRE(world.run_until([&] { return gateway().node().is_connected(GatewayMachine::kClient); },
                            10s));
    world.run_for(1s);
  }
};
// We hold a right to it.
struct Initiator : Setting {
  Initiator() {
    init({printers()});
    send(to(kPrinter));
    introduce(std::nullopt);
    REQUIRE(run_until_received(0, to(kPrinter)));
  }
};

TEST_CASE("a packet to a member of a pool asks for that device and then arrives") {
  Setting s;
  s.init({printers()});
  CHECK(s.send(to(kPrinter)) == Fate::kWaiting);
  REQUIRE(s.requests() == 1);
  const portal::RequestAuthorization expected{kPrinters, {}, testing::address("100.64.0.100")};
  CHECK(s.all_requests()[0] == expected);
  s.introduce(std::nullopt);
  REQUIRE(s.run_until_received(0, to(kPrinter)));
  s.gateway_sends(from(kPrinter));  // A reply needs no right of its own.
  CHECK(s.client->received == std::vector<Bytes>{from(kPrinter)});
  const auto& devices = s.client->reports.back().devices;
  REQUIRE(devices.size() == 1);
  CHECK(devices[0].name == "Device gateway0");
  CHECK(devices[0].pools == std::vector<std::string>{"Printers"});
}

TEST_CASE("a client is admitted by its filters and told where they end") {
  const bool is_admitted = GENERATE(true, false);
  Target s({kPrinting});
  s.gateway_sends(knock(is_admitted ? 631 : 632));
  CHECK(s.client->received.size() == (is_admitted ? 1 : 0));
  REQUIRE(s.gateway().received.size() == (is_admitted ? 0 : 1));
  if (!is_admitted) CHECK(icmp_of(s.gateway().received[0]) == kProhibited);
}

TEST_CASE("without a grant nothing of a client is admitted, replies aside") {
  Initiator s;
  s.gateway_sends(knock(40001));
  CHECK(s.client->received.empty());
  CHECK(icmp_of(s.gateway().received.back()) == kProhibited);
  s.gateway_sends(from(kPrinter));
  CHECK(s.client->received.size() == 1);
}

// Replying to a peer's flow makes it no flow of ours.
TEST_CASE("our answers reach a client that we may not address, until its access is revoked") {
  Target s({kPrinting});
  CHECK(s.send(answer(631)) == Fate::kUnknownResource);
  s.gateway_sends(knock(631));
  CHECK(s.send(answer(631)) == Fate::kSent);
  s.world.run_for(200ms);
  CHECK(s.gateway().received.back() == answer(631));

  s.tell(portal::RejectAccess{ClientId("gateway0"), kPrinters});
  s.client->received.clear();
  s.gateway_sends(knock(631));
  CHECK(s.client->received.empty());
  CHECK(s.client->state().node().connection_count() == 1);
}

// Lesson 01cd5447d9: edited filters reached only future peers.
TEST_CASE("edited filters hold for a client that is connected") {
  Target s({kPrinting});
  s.gateway_sends(knock(631));
  CHECK(s.client->received.size() == 1);
  s.tell(portal::ResourceFiltersUpdated{kPrinters, {{P::kUdp, 9100, 9100}}});
  s.gateway_sends(knock(631));
  CHECK(s.client->received.size() == 1);
  s.gateway_sends(knock(9100));
  CHECK(s.client->received.size() == 2);
}

// Lesson eeac79e228.
TEST_CASE("access of a client ends at its time") {
  Setting s;
  s.init({});
  s.introduce(s.inbound({}, absl::Seconds(30)));
  s.world.run_for(10s);
  s.gateway_sends(knock(631));
  CHECK(s.client->received.size() == 1);
  s.world.run_for(25s);
  s.gateway_sends(knock(631));
  CHECK(s.client->received.size() == 1);
}

// Lesson 408d3a6aef, on the client's side.
TEST_CASE("an init that lists no authorizations ends the access of clients") {
  Target s({});
  s.init({});
  s.gateway_sends(knock(631));
  CHECK(s.client->received.empty());
}

// Lesson 6cb251ccdc.
TEST_CASE("a client can neither claim another address nor send past us") {
  const auto [source, target] = GENERATE(table<const char*, const char*>({
      {"100.64.0.101", "100.64.0.7"},  // Another client.
      {"8.8.8.8", "100.64.0.7"},       // The Internet.
      {"100.64.0.100", "100.64.0.8"},  // To somebody else.
      {"100.64.0.100", "192.168.0.1"},
  }));
  CAPTURE(source, target);
  Target s({});
  s.gateway_sends(knock(631, source, target));
  CHECK(s.client->received.empty());
  CHECK(s.client->state().inbound().of(Fate::kSpoofed) == 1);
}

// Lesson 3106a634d9.
TEST_CASE("an ICMP error passes only when it quotes a flow between the two") {
  Target s({kPrinting});
  s.gateway_sends(error_about(answer(631)));
  CHECK(s.client->received.empty());
  CHECK(s.client->state().inbound().of(Fate::kUntrackedError) == 1);
  CHECK(s.send(error_about(knock(631))) == Fate::kUnsupportedProtocol);

  s.gateway_sends(knock(631));
  s.gateway_sends(error_about(answer(631)));
  CHECK(s.client->received.size() == 2);
  CHECK(s.send(error_about(knock(631))) == Fate::kSent);
}

// Lesson a4b31ed0c7: taking A's access to B tore down B's access to A.
TEST_CASE("a member that left our pool keeps its own access to us") {
  Initiator s;
  s.introduce(s.inbound({kPrinting}));
  s.tell(portal::ResourceUpserted{portal::StaticDevicePool{kPrinters, "Printers", {}, {}}});
  CHECK(s.send(to(kPrinter, 2)) == Fate::kUnknownResource);
  s.gateway_sends(knock(631));
  CHECK(s.client->received.size() == 1);
  CHECK(s.client->state().node().connection_count() == 1);
}

TEST_CASE("a denied device is told goodbye and not asked for again by itself") {
  Initiator s;
  s.tell(portal::DeviceAccessDenied{portal::FailureReason::Code::kForbidden, std::nullopt,
                                    Ipv4Address{{100, 64, 0, 100}}, std::nullopt});
  s.world.run_for(200ms);
  CHECK(snownet::node::is_goodbye(s.gateway().received.back()));
  CHECK(s.client->state().node().connection_count() == 0);
  const size_t before = s.requests();
  s.world.run_for(1min);
  CHECK(s.requests() == before);
}

}  // namespace
}  // namespace connlib::tunnel
