#include "connlib/dns/udp_client.h"

#include <array>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/packet/icmp_error.h"
#include "tests/support/packets.h"
#include "tests/support/start_time.h"

namespace connlib::dns {
namespace {

using connlib::testing::address;
using connlib::testing::endpoint;
using connlib::testing::kStart;
using connlib::testing::udp_packet;
using Bytes = std::vector<uint8_t>;

const IpAddress kLocal = address("100.64.0.7");
const SocketAddress kServer = endpoint("10.1.1.53:53");

Bytes message(uint16_t id, size_t size = 20) {
  Bytes out(size);
  store_be16(out.data(), id);
  return out;
}

struct Lab {
  SeededRandom random{1};
  UdpClient client{random};

  // Sends one query and says from where it went.
  SocketAddress ask(uint64_t id, uint16_t wire_id = 0x1234, Timestamp now = kStart) {
    REQUIRE(client.send(now, QueryId(id), kLocal, kServer, message(wire_id)));
    std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
    const auto packet = client.poll_packet(buffer);
    REQUIRE_FALSE(packet.empty());
    REQUIRE(connlib::testing::has_right_checksums(packet));
    auto parsed = IpPacket::parse(packet);
    const auto& view = std::get<IpPacket>(parsed);
    CHECK(view.destination() == kServer.ip);
    CHECK(view.udp()->destination_port() == 53);
    CHECK(load_be16(view.udp()->payload().data()) == wire_id);
    return {view.source(), view.udp()->source_port()};
  }
  bool deliver(Bytes packet, Timestamp now = kStart + 1s) {
    auto parsed = IpPacket::parse(packet);
    return client.handle_packet(now, std::get<IpPacket>(parsed));
  }
  bool reply(const SocketAddress& to, uint16_t wire_id = 0x1234, Timestamp now = kStart + 1s) {
    return deliver(udp_packet(kServer, to, message(wire_id, 30)), now);
  }
  std::optional<QueryFailure> failure() {
    const auto result = client.poll_result();
    REQUIRE(result.has_value());
    const auto* how = std::get_if<QueryFailure>(&result->outcome);
    return how == nullptr ? std::nullopt : std::optional(*how);
  }
};

TEST_CASE("a reply from the server to the port of the query ends it") {
  Lab lab;
  const auto from = lab.ask(7);
  CHECK(from.ip == kLocal);
  CHECK(from.port >= kFirstLocalPort);
  CHECK(lab.reply(from));
  const auto result = lab.client.poll_result();
  CHECK(result->query == QueryId(7));
  CHECK(std::get<Bytes>(result->outcome) == message(0x1234, 30));
  CHECK(lab.client.poll_timeout().at.is_never());
}

TEST_CASE("other packets are not ours, and guesses end nothing") {
  Lab lab;
  const auto from = lab.ask(7);
  auto other_port = from;
  ++other_port.port;
  CHECK_FALSE(lab.reply(other_port));
  CHECK_FALSE(lab.deliver(udp_packet(endpoint("10.1.1.54:53"), from, message(0x1234))));
  CHECK_FALSE(lab.deliver(udp_packet(endpoint("10.1.1.53:54"), from, message(0x1234))));
  CHECK(lab.reply(from, 0x1235));
  CHECK(lab.deliver(udp_packet(kServer, from, {1, 2})));
  CHECK_FALSE(lab.client.poll_result().has_value());
}

TEST_CASE("after ten seconds a query times out, and its late reply is swallowed") {
  Lab lab;
  const auto from = lab.ask(7);
  REQUIRE(lab.client.poll_timeout().at == kStart + 10s);
  lab.client.handle_timeout(kStart + 10s - 1ns);
  CHECK_FALSE(lab.client.poll_result().has_value());
  lab.client.handle_timeout(kStart + 10s);
  CHECK(lab.failure() == QueryFailure::kTimedOut);
  CHECK(lab.client.poll_timeout().at.is_never());
  CHECK(lab.reply(from, 0x1234, kStart + 30s));
  CHECK_FALSE(lab.client.poll_result().has_value());
}

TEST_CASE("a repeated reply is swallowed, too") {
  Lab lab;
  const auto from = lab.ask(7);
  CHECK(lab.reply(from));
  lab.client.poll_result();
  CHECK(lab.reply(from));
  CHECK_FALSE(lab.client.poll_result().has_value());
}

TEST_CASE("an ICMP error about the query fails it at once") {
  Lab lab;
  const auto from = lab.ask(7);
  const auto failed = udp_packet(from, kServer, message(0x1234));
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto error = write_icmp_error(IcmpError::network_unreachable(IpFamily::kV4),
                                      {address("10.1.1.1"), kLocal}, failed, buffer);
  CHECK(lab.deliver({error.begin(), error.end()}));
  CHECK(lab.failure() == QueryFailure::kUnreachable);
}

TEST_CASE("an ICMP error about somebody else's packet is not ours") {
  Lab lab;
  const auto from = lab.ask(7);
  const auto failed = udp_packet(from, endpoint("10.1.1.54:53"), message(0x1234));
  std::array<uint8_t, IpPacket::kMaxBytes> buffer{};
  const auto error = write_icmp_error(IcmpError::network_unreachable(IpFamily::kV4),
                                      {address("10.1.1.1"), kLocal}, failed, buffer);
  CHECK_FALSE(lab.deliver({error.begin(), error.end()}));
  CHECK_FALSE(lab.client.poll_result().has_value());
}

TEST_CASE("equal ids of different applications do not meet") {
  Lab lab;
  const auto first = lab.ask(1, 5);
  const auto second = lab.ask(2, 5);
  CHECK(first.port != second.port);
  CHECK(lab.reply(second, 5));
  CHECK(lab.client.poll_result()->query == QueryId(2));
  CHECK(lab.reply(first, 5));
  CHECK(lab.client.poll_result()->query == QueryId(1));
}

TEST_CASE("at the limit an old query makes way, but a waiting one does not") {
  Lab lab;
  std::set<uint16_t> ports;
  for (size_t i = 0; i < UdpClient::kMaxTracked; ++i) ports.insert(lab.ask(i).port);
  CHECK(ports.size() == UdpClient::kMaxTracked);
  CHECK_FALSE(lab.client.send(kStart, QueryId(0), kLocal, kServer, message(1)));
  lab.client.handle_timeout(kStart + 10s);
  lab.ask(9999, 1, kStart + 10s);
  CHECK(lab.client.tracked() == UdpClient::kMaxTracked);
}

TEST_CASE("what is no query that fits is refused") {
  Lab lab;
  CHECK_FALSE(lab.client.send(kStart, QueryId(1), kLocal, kServer, Bytes(11)));
  CHECK_FALSE(lab.client.send(kStart, QueryId(1), kLocal, kServer, Bytes(1213)));
  CHECK_FALSE(lab.client.send(kStart, QueryId(1), kLocal, endpoint("[::1]:53"), message(1)));
}

}  // namespace
}  // namespace connlib::dns
