#include "connlib/nat/gateway_nat.h"

#include <optional>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "connlib/packet/icmp_error.h"
#include "tests/support/packets.h"
#include "tests/support/random_packets.h"
#include "tests/support/start_time.h"

namespace connlib::nat {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;
using testing::kStart;
using Outbound = GatewayNat::Outbound;
using Installed = GatewayNat::Installed;

const IpAddress kClient4 = address("100.64.0.5");
const IpAddress kClient6 = address("fd00:2021:1111::5");
const IpAddress kProxy4 = address("100.96.0.1");
const IpAddress kProxy6 = address("fd00:2021:1111:8000::1");
const IpAddress kReal4 = address("203.0.113.7");
const IpAddress kReal6 = address("2001:db8::7");
const IpAddress kRouter4 = address("198.51.100.1");
const IpAddress kRouter6 = address("2001:db8:ffff::1");

IpPacket view(Bytes& bytes) { return std::get<IpPacket>(IpPacket::parse(bytes)); }

// World is a gateway's NAT for one client with one name, and the packets on both of its sides.
struct World {
  GatewayNat nat{kStart};
  Bytes scratch = Bytes(IpPacket::kMaxBytes);

  World() {
    const std::vector<IpAddress> proxies{kProxy4, kProxy6};
    REQUIRE(nat.install("a", proxies, std::vector<IpAddress>{kReal4, kReal6}) ==
            Installed::kInstalled);
  }
  // out() is what leaves towards the resource; empty when it is not translated.
  Bytes out(Bytes bytes, Timestamp now = kStart) {
    IpPacket packet = view(bytes);
    if (nat.translate_outbound(packet, now) != Outbound::kTranslated) return {};
    CHECK(testing::has_right_checksums(bytes));
    return bytes;
  }
  // in() is what goes to the client.
  std::variant<Bytes, GatewayNat::Miss> in(Bytes bytes, Timestamp now = kStart) {
    IpPacket packet = view(bytes);
    const auto result = nat.translate_inbound(packet, now, scratch);
    if (const auto* miss = std::get_if<GatewayNat::Miss>(&result)) return *miss;
    const auto sent = std::get<std::span<uint8_t>>(result);
    CHECK(testing::has_right_checksums(sent));
    return Bytes(sent.begin(), sent.end());
  }
};

// The packet that a server answers with: everything swapped.
Bytes answer(Bytes bytes) {
  IpPacket packet = view(bytes);
  const IpAddress source = packet.source();
  const IpAddress destination = packet.destination();
  REQUIRE(packet.set_source(destination));
  REQUIRE(packet.set_destination(source));
  const auto from = packet.source_protocol();
  const auto to = packet.destination_protocol();
  if (const auto* port = std::get_if<Protocol>(&from); port->kind != Protocol::Kind::kIcmpEcho) {
    REQUIRE(packet.set_source_protocol(std::get<Protocol>(to)));
    REQUIRE(packet.set_destination_protocol(*port));
  }
  return bytes;
}

// The error about `failed` that `router` sends to its source.
Bytes error_about(const IcmpError& error, const IpAddress& router, Bytes failed) {
  Bytes out(IpPacket::kMaxBytes);
  const IpAddress to = view(failed).source();
  out.resize(write_icmp_error(error, {.source = router, .destination = to}, failed, out).size());
  REQUIRE_FALSE(out.empty());
  return out;
}

Bytes tcp4(uint16_t port = 4000, uint8_t flags = 0x10) {
  return testing::tcp_packet({kClient4, port}, {kProxy4, 443}, {.flags = flags}, Bytes(40, 7));
}
Bytes udp6(uint16_t port = 4000) {
  return testing::udp_packet({kClient6, port}, {kProxy6, 53}, Bytes(40, 7));
}

}  // namespace

TEST_CASE("a packet to a proxy goes to the real address, and the answer comes from the proxy") {
  World world;
  const Bytes sent = world.out(tcp4());
  REQUIRE_FALSE(sent.empty());
  CHECK(sent == testing::tcp_packet({kClient4, 4000}, {kReal4, 443}, {}, Bytes(40, 7)));
  const Bytes reply = testing::tcp_packet({kReal4, 443}, {kClient4, 4000}, {}, Bytes(9, 1));
  CHECK(std::get<Bytes>(world.in(reply)) ==
        testing::tcp_packet({kProxy4, 443}, {kClient4, 4000}, {}, Bytes(9, 1)));
}

TEST_CASE("what goes out and comes back is the answer that the client waits for") {
  const auto seed = GENERATE(range(1, 6));
  CAPTURE(seed);
  SeededRandom random(static_cast<uint64_t>(seed));
  World world;
  int translated = 0;
  for (int i = 0; i < 400; ++i) {
    Bytes packet = testing::random_packet(random);
    IpPacket whole = view(packet);
    const bool is_v4 = whole.family() == IpFamily::kV4;
    REQUIRE(whole.set_source(is_v4 ? kClient4 : kClient6));
    REQUIRE(whole.set_destination(is_v4 ? kProxy4 : kProxy6));
    if (!std::holds_alternative<Protocol>(whole.source_protocol())) {
      CHECK(world.nat.translate_outbound(whole, kStart) == Outbound::kUnsupportedProtocol);
      continue;
    }
    const Bytes outside = world.out(packet);
    REQUIRE_FALSE(outside.empty());
    const auto back = world.in(answer(outside));
    REQUIRE(std::get<Bytes>(back) == answer(packet));
    ++translated;
  }
  CHECK(translated > 100);
}

TEST_CASE("an echo keeps its identifier, request and reply") {
  World world;
  const Bytes sent = world.out(testing::echo_packet(kClient4, kProxy4, {.identifier = 77}));
  CHECK(sent == testing::echo_packet(kClient4, kReal4, {.identifier = 77}));
  const Bytes reply = testing::echo_packet(kReal4, kClient4, {.identifier = 77, .is_reply = true});
  CHECK(std::get<Bytes>(world.in(reply)) ==
        testing::echo_packet(kProxy4, kClient4, {.identifier = 77, .is_reply = true}));
}

TEST_CASE("a family without records, and an unknown proxy, lead nowhere") {
  World world;
  REQUIRE(world.nat.install("a", std::vector<IpAddress>{kProxy4, kProxy6},
                            std::vector<IpAddress>{kReal6}) == Installed::kInstalled);
  Bytes packet = tcp4();
  const Bytes before = packet;
  IpPacket to_v4 = view(packet);
  CHECK(world.nat.translate_outbound(to_v4, kStart) == Outbound::kNoTranslation);
  CHECK(packet == before);
  CHECK_FALSE(world.out(udp6()).empty());
  packet = testing::udp_packet({kClient4, 1}, endpoint("100.96.0.77:1"));
  IpPacket unknown = view(packet);
  CHECK(world.nat.translate_outbound(unknown, kStart) == Outbound::kNoTranslation);
}

TEST_CASE("a protocol without ports cannot be translated, and is left alone") {
  World world;
  Bytes packet = testing::ip_packet(kClient4, kProxy4, 47, Bytes(20));
  const Bytes before = packet;
  IpPacket gre = view(packet);
  CHECK(world.nat.translate_outbound(gre, kStart) == Outbound::kUnsupportedProtocol);
  CHECK(packet == before);
  CHECK(std::get<GatewayNat::Miss>(world.in(testing::ip_packet(kReal4, kClient4, 47, Bytes(20)))) ==
        GatewayNat::Miss::kNotTranslated);
}

TEST_CASE("a running session survives that its name leads elsewhere") {
  World world;
  REQUIRE_FALSE(world.out(tcp4()).empty());
  REQUIRE(world.nat.install("a", std::vector<IpAddress>{kProxy4},
                            std::vector<IpAddress>{address("203.0.113.99")}) ==
          Installed::kInstalled);
  Bytes old = world.out(tcp4());
  CHECK(view(old).destination() == kReal4);
  Bytes fresh = world.out(tcp4(4001));
  CHECK(view(fresh).destination() == address("203.0.113.99"));
}

TEST_CASE("a client that renumbered its names loses every old session and mapping") {
  World world;
  const Bytes sent = world.out(tcp4());
  REQUIRE(world.nat.install("b", std::vector<IpAddress>{kProxy4},
                            std::vector<IpAddress>{address("203.0.113.99")}) ==
          Installed::kRenumbered);
  CHECK(std::get<GatewayNat::Miss>(world.in(answer(sent))) == GatewayNat::Miss::kExpired);
  CHECK(world.out(udp6()).empty());
  Bytes fresh = world.out(tcp4());
  CHECK(view(fresh).destination() == address("203.0.113.99"));
}

TEST_CASE("a late packet of an ended session does not reach the client under its real address") {
  World world;
  const Bytes sent = world.out(udp6());
  const Timestamp late = kStart + 61s;
  world.nat.handle_timeout(late);
  CHECK(std::get<GatewayNat::Miss>(world.in(answer(sent), late)) == GatewayNat::Miss::kExpired);
  const Bytes other = testing::udp_packet({kReal6, 53}, {kClient6, 4999});
  CHECK(std::get<GatewayNat::Miss>(world.in(other, late)) == GatewayNat::Miss::kNotTranslated);
}

TEST_CASE("an ICMP error about a translated packet quotes what the application sent") {
  World world;
  world.out(tcp4(4000));
  struct Row {
    const char* what;
    Bytes packet;
    IpAddress router;
    IcmpError error;
  };
  const Row rows[] = {
      {"v4 host unreachable", tcp4(), kRouter4, {IpFamily::kV4, 3, 1}},
      {"v4 fragmentation needed", tcp4(), kRouter4, {IpFamily::kV4, 3, 4, 1200}},
      {"v4 time exceeded", tcp4(), kRouter4, {IpFamily::kV4, 11, 0}},
      {"v4 echo", testing::echo_packet(kClient4, kProxy4), kRouter4, {IpFamily::kV4, 11, 0}},
      {"v6 port unreachable", udp6(), kReal6, {IpFamily::kV6, 1, 4}},
      {"v6 packet too big", udp6(), kRouter6, {IpFamily::kV6, 2, 0, 1280}},
      {"v6 time exceeded", udp6(), kRouter6, {IpFamily::kV6, 3, 0}},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    const Bytes sent = world.out(row.packet);
    REQUIRE_FALSE(sent.empty());
    const auto result = world.in(error_about(row.error, row.router, sent));
    // As if the proxy itself had complained about the packet that the client wrote.
    Bytes copy = row.packet;
    CHECK(std::get<Bytes>(result) == error_about(row.error, view(copy).destination(), row.packet));
  }
}

TEST_CASE("an error about a packet whose port was changed names the client's own port") {
  World world;
  REQUIRE(world.nat.install("a", std::vector<IpAddress>{kProxy4, address("100.96.0.2")},
                            std::vector<IpAddress>{kReal4}) == Installed::kInstalled);
  world.out(tcp4());
  const Bytes second =
      testing::tcp_packet({kClient4, 4000}, endpoint("100.96.0.2:443"), {}, Bytes(40, 7));
  const Bytes sent = world.out(second);
  CHECK(sent == testing::tcp_packet({kClient4, 4001}, {kReal4, 443}, {}, Bytes(40, 7)));
  const IcmpError error{IpFamily::kV4, 3, 1};
  CHECK(std::get<Bytes>(world.in(error_about(error, kRouter4, sent))) ==
        error_about(error, address("100.96.0.2"), second));
}

TEST_CASE("an ICMP error about a packet that was never translated is left to the policy") {
  World world;
  world.out(tcp4());
  const IcmpError error{IpFamily::kV4, 3, 1};
  const auto kNot = GatewayNat::Miss::kNotTranslated;
  const Bytes other_port = testing::tcp_packet({kClient4, 4001}, {kReal4, 443}, {}, Bytes(9));
  CHECK(std::get<GatewayNat::Miss>(world.in(error_about(error, kRouter4, other_port))) == kNot);
  // A forged one: the error goes to the client, but quotes a packet of somebody else.
  Bytes out(IpPacket::kMaxBytes);
  const Bytes others = testing::tcp_packet(endpoint("100.64.0.6:4000"), {kReal4, 443}, {});
  out.resize(
      write_icmp_error(error, {.source = kRouter4, .destination = kClient4}, others, out).size());
  CHECK(std::get<GatewayNat::Miss>(world.in(out)) == kNot);
}

TEST_CASE("an ICMP error confirms a session: the path is there") {
  World world;
  const Bytes sent = world.out(tcp4());
  const auto result = world.in(error_about({IpFamily::kV4, 3, 4, 1200}, kRouter4, sent));
  CHECK(std::holds_alternative<Bytes>(result));
  world.nat.handle_timeout(kStart + 61s);
  CHECK(world.nat.sessions().size() == 1);
}

TEST_CASE("sessions leave at the deadlines that the NAT asked for") {
  World world;
  CHECK(world.nat.poll_timeout().at.is_never());
  world.out(tcp4());
  world.in(answer(world.out(udp6())));
  int wakeups = 0;
  while (!world.nat.poll_timeout().at.is_never()) {
    const Timestamp at = world.nat.poll_timeout().at;
    world.nat.handle_timeout(at);
    CHECK(world.nat.poll_timeout().at > at);
    REQUIRE(++wakeups < 20);
  }
  CHECK(world.nat.sessions().size() == 0);
}

TEST_CASE("a client with too many names is told apart from one that renumbered") {
  GatewayNat nat(kStart, {.proxies = 1});
  CHECK(nat.install("a", std::vector<IpAddress>{kProxy4}, {}) == Installed::kInstalled);
  CHECK(nat.install("b", std::vector<IpAddress>{kProxy6}, {}) == Installed::kTooMany);
  CHECK(nat.translations().domain_of(kProxy4) == "a");
}

}  // namespace connlib::nat
