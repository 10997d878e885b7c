#include "connlib/packet/ip_packet.h"

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/packet/icmp_error.h"
#include "tests/support/packets.h"
#include "tests/support/random_packets.h"

namespace connlib {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;
using testing::ExtensionHeader;

std::optional<PacketError> error_of(Bytes packet) {
  const auto parsed = IpPacket::parse(packet);
  const auto* error = std::get_if<PacketError>(&parsed);
  return error == nullptr ? std::nullopt : std::optional(*error);
}

std::string text_of(const std::optional<PacketError>& error) {
  return error ? std::string(to_text(*error)) : "accepted";
}

IpPacket parsed(Bytes& packet) {
  auto result = IpPacket::parse(packet);
  REQUIRE(std::holds_alternative<IpPacket>(result));
  return std::get<IpPacket>(result);
}

Bytes udp4() {
  return testing::udp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:53"), {1});
}
Bytes udp6(const std::vector<ExtensionHeader>& extensions = {}) {
  return testing::udp_packet(endpoint("[fd00::1]:1000"), endpoint("[fd00::2]:53"), {1, 2},
                             {.extensions = extensions});
}
Bytes tcp4() { return testing::tcp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:80")); }
Bytes with_options(Bytes options) {
  return testing::udp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:53"), {1},
                             {.options = std::move(options)});
}
Bytes opaque(bool v4, uint8_t protocol, size_t bytes) {
  return testing::ip_packet(address(v4 ? "10.0.0.1" : "fd00::1"),
                            address(v4 ? "10.0.0.2" : "fd00::2"), protocol, Bytes(bytes));
}
Bytes changed(Bytes packet, const std::function<void(Bytes&)>& change) {
  change(packet);
  return packet;
}
Bytes with_byte(Bytes packet, size_t at, uint8_t value) {
  packet.at(at) = value;
  return packet;
}
Bytes cut_to(Bytes packet, size_t bytes) {
  packet.resize(bytes);
  return packet;
}
// Says the length that it has.
Bytes honest(Bytes packet) {
  if (packet[0] >> 4 == 4) {
    store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  } else {
    store_be16(&packet[4], static_cast<uint16_t>(packet.size() - 40));
  }
  return packet;
}

struct Case {
  const char* what;
  Bytes packet;
  std::optional<PacketError> expected;
};

void check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    INFO(one.what);
    CHECK(text_of(error_of(one.packet)) == text_of(one.expected));
  }
}

TEST_CASE("the IP header must be whole and tell the truth about the length") {
  check({
      {"nothing", {}, PacketError::kTruncated},
      {"one byte", {0x45}, PacketError::kTruncated},
      {"version 0", with_byte(udp4(), 0, 0x05), PacketError::kUnknownVersion},
      {"version 5", with_byte(udp4(), 0, 0x55), PacketError::kUnknownVersion},
      {"IPv4, 19 bytes", cut_to(udp4(), 19), PacketError::kTruncated},
      {"IPv6, 39 bytes", cut_to(udp6(), 39), PacketError::kTruncated},
      {"IPv4, one byte missing", cut_to(udp4(), udp4().size() - 1), PacketError::kBadLength},
      {"IPv4, one byte too many", cut_to(udp4(), udp4().size() + 1), PacketError::kBadLength},
      {"IPv6, one byte missing", cut_to(udp6(), udp6().size() - 1), PacketError::kBadLength},
      {"IPv6, one byte too many", cut_to(udp6(), udp6().size() + 1), PacketError::kBadLength},
      {"IPv6 jumbogram", changed(udp6(), [](Bytes& p) { p[4] = p[5] = 0; }),
       PacketError::kBadLength},
      {"IHL 4", with_byte(udp4(), 0, 0x44), PacketError::kBadHeaderLength},
      {"IHL beyond the packet", with_byte(udp4(), 0, 0x4f), PacketError::kTruncated},
      {"1280 bytes of IPv4", opaque(true, 253, 1260), std::nullopt},
      {"1281 bytes of IPv4", opaque(true, 253, 1261), PacketError::kTooLong},
      {"1280 bytes of IPv6", opaque(false, 253, 1240), std::nullopt},
      {"1281 bytes of IPv6", opaque(false, 253, 1241), PacketError::kTooLong},
      {"a bare IPv4 header", opaque(true, 253, 0), std::nullopt},
      {"a bare IPv6 header", opaque(false, 59, 0), std::nullopt},
  });
}

TEST_CASE("fragments are refused, atomic IPv6 fragments are whole packets") {
  auto fragment = [](uint16_t field) {
    ExtensionHeader header{44, Bytes(8)};
    store_be16(&header.bytes[2], field);
    return header;
  };
  check({
      {"IPv4 don't fragment", with_byte(udp4(), 6, 0x40), std::nullopt},
      {"IPv4 first fragment", with_byte(udp4(), 6, 0x20), PacketError::kFragmented},
      {"IPv4 later fragment", with_byte(udp4(), 7, 1), PacketError::kFragmented},
      {"IPv4 last fragment, far", with_byte(udp4(), 6, 0x1f), PacketError::kFragmented},
      {"IPv6 atomic fragment", udp6({fragment(0)}), std::nullopt},
      {"IPv6 atomic, reserved bits", udp6({fragment(6)}), std::nullopt},
      {"IPv6 first fragment", udp6({fragment(1)}), PacketError::kFragmented},
      {"IPv6 later fragment", udp6({fragment(8)}), PacketError::kFragmented},
      {"IPv6 first fragment behind an atomic one", udp6({fragment(0), fragment(1)}),
       PacketError::kFragmented},
      {"IPv6 atomic fragment behind a first one", udp6({fragment(1), fragment(0)}),
       PacketError::kFragmented},
  });
}

TEST_CASE("IPv6 extension headers are walked to the upper layer") {
  const ExtensionHeader hop_by_hop{0, Bytes(8)};
  const ExtensionHeader destination{60, changed(Bytes(24), [](Bytes& h) { h[1] = 2; })};
  const ExtensionHeader authentication{51, changed(Bytes(24), [](Bytes& h) { h[1] = 4; })};
  const ExtensionHeader arrived{43, Bytes(8)};
  Bytes packet = udp6({hop_by_hop, destination, arrived, authentication});
  const IpPacket view = parsed(packet);
  REQUIRE(view.udp().has_value());
  CHECK(view.udp()->destination_port() == 53);

  const ExtensionHeader onward{43, changed(Bytes(8), [](Bytes& h) { h[3] = 1; })};
  check({
      {"segments left", udp6({onward}), PacketError::kSourceRouted},
      {"a chain that leaves the packet", with_byte(udp6({hop_by_hop}), 41, 9),
       PacketError::kTruncated},
      {"no room for an extension header", honest(cut_to(udp6({hop_by_hop}), 47)),
       PacketError::kTruncated},
      {"the chain ends with the packet", honest(cut_to(udp6({hop_by_hop}), 48)),
       PacketError::kTruncated},
      {"no next header", opaque(false, 59, 5), std::nullopt},
      {"ESP is opaque", opaque(false, 50, 20), std::nullopt},
  });
  Bytes endless(1280, 0);
  endless[0] = 0x60;
  check({{"hop-by-hop options up to the brim", honest(endless), PacketError::kTruncated}});
}

TEST_CASE("IPv4 options may be anything but a detour") {
  check({
      {"no operation", with_options({1, 1, 1, 1}), std::nullopt},
      {"router alert", with_options({148, 4, 0, 0}), std::nullopt},
      {"nothing counts behind the end", with_options({0, 131, 3, 4}), std::nullopt},
      {"loose source route", with_options({1, 131, 3, 4}), PacketError::kSourceRouted},
      {"strict source route", with_options({1, 137, 3, 4}), PacketError::kSourceRouted},
      {"length 0", with_options({148, 0, 0, 0}), PacketError::kBadOption},
      {"length 1", with_options({148, 1, 0, 0}), PacketError::kBadOption},
      {"length beyond the header", with_options({148, 5, 0, 0}), PacketError::kBadOption},
      {"no room for a length", with_options({1, 1, 1, 148}), PacketError::kBadOption},
  });
}

TEST_CASE("the upper layer must fit what the IP header leaves it") {
  check({
      {"UDP, 7 bytes", opaque(true, 17, 7), PacketError::kTruncated},
      {"UDP length short", with_byte(udp4(), 25, 8), PacketError::kBadUdpLength},
      {"UDP length long", with_byte(udp4(), 25, 10), PacketError::kBadUdpLength},
      {"UDP length 0", with_byte(udp4(), 25, 0), PacketError::kBadUdpLength},
      {"UDP wrong checksum", with_byte(udp4(), 26, 0xaa), std::nullopt},
      {"TCP, 19 bytes", honest(cut_to(tcp4(), 39)), PacketError::kTruncated},
      {"TCP data offset 4", with_byte(tcp4(), 32, 0x40), PacketError::kBadTcpDataOffset},
      {"TCP data offset beyond", with_byte(tcp4(), 32, 0x60), PacketError::kBadTcpDataOffset},
      {"TCP", tcp4(), std::nullopt},
      {"ICMPv4, 7 bytes", opaque(true, 1, 7), PacketError::kTruncated},
      {"ICMPv6, 7 bytes", opaque(false, 58, 7), PacketError::kTruncated},
      {"ICMPv6 in IPv4", opaque(true, 58, 8), PacketError::kIcmpOfOtherVersion},
      {"ICMPv4 in IPv6", opaque(false, 1, 8), PacketError::kIcmpOfOtherVersion},
      {"SCTP is opaque", opaque(true, 132, 3), std::nullopt},
  });
}

TEST_CASE("a UDP datagram, a TCP segment and an ICMP message are read behind the IP header") {
  Bytes udp = with_options({1, 1, 1, 1});
  REQUIRE(parsed(udp).udp().has_value());
  CHECK(parsed(udp).udp()->source_port() == 1000);
  CHECK(parsed(udp).udp()->payload().size() == 1);
  CHECK_FALSE(parsed(udp).tcp().has_value());
  CHECK_FALSE(parsed(udp).icmp().has_value());

  Bytes tcp = testing::tcp_packet(endpoint("[fd00::1]:1"), endpoint("[fd00::2]:2"),
                                  {.sequence = 0x01020304,
                                   .acknowledgment = 0x05060708,
                                   .flags = 0x12,
                                   .window = 0x090a,
                                   .options = Bytes(8, 1)},
                                  {1, 2, 3});
  const auto segment = parsed(tcp).tcp();
  REQUIRE(segment.has_value());
  CHECK(segment->sequence() == 0x01020304);
  CHECK(segment->acknowledgment() == 0x05060708);
  CHECK(segment->window() == 0x090a);
  CHECK(segment->has_syn());
  CHECK(segment->has_ack());
  CHECK_FALSE(segment->has_fin());
  CHECK_FALSE(segment->has_rst());
  CHECK(segment->options().size() == 8);
  CHECK(segment->payload().size() == 3);

  Bytes echo = testing::echo_packet(address("10.0.0.1"), address("10.0.0.2"),
                                    {.identifier = 0x0102, .sequence = 0x0304}, {9});
  const auto message = parsed(echo).icmp();
  REQUIRE(message.has_value());
  CHECK(message->is_echo_request());
  CHECK(message->echo_identifier() == 0x0102);
  CHECK(message->echo_sequence() == 0x0304);
  CHECK(message->body().size() == 1);
}

TEST_CASE("a packet is classified by ports, echo identifier or why it has neither") {
  const bool v4 = GENERATE(true, false);
  const SocketAddress from = endpoint(v4 ? "10.0.0.1:1000" : "[fd00::1]:1000");
  const SocketAddress to = endpoint(v4 ? "10.0.0.2:443" : "[fd00::2]:443");
  const uint8_t icmp = v4 ? 1 : 58;
  const auto icmp_type = v4 ? UnsupportedProtocol::kIcmpv4Type : UnsupportedProtocol::kIcmpv6Type;
  struct Row {
    const char* what;
    Bytes packet;
    ClassifiedProtocol source;
    ClassifiedProtocol destination;
  };
  const Protocol echo = Protocol::icmp_echo(77);
  std::vector<Row> rows{
      {"TCP", testing::tcp_packet(from, to), Protocol::tcp(1000), Protocol::tcp(443)},
      {"UDP", testing::udp_packet(from, to), Protocol::udp(1000), Protocol::udp(443)},
      {"request", testing::echo_packet(from.ip, to.ip, {.identifier = 77}), echo, echo},
      {"reply", testing::echo_packet(from.ip, to.ip, {.identifier = 77, .is_reply = true}), echo,
       echo},
      {"other ICMP", testing::ip_packet(from.ip, to.ip, icmp, {13, 0, 0, 0, 0, 0, 0, 0}), icmp_type,
       icmp_type},
      {"SCTP", testing::ip_packet(from.ip, to.ip, 132, Bytes(12)), UnsupportedProtocol::kIpPayload,
       UnsupportedProtocol::kIpPayload},
  };
  for (Row& row : rows) {
    INFO(row.what);
    CHECK(parsed(row.packet).source_protocol() == row.source);
    CHECK(parsed(row.packet).destination_protocol() == row.destination);
  }
}

// Calls everything that a view offers; says whether what it wrote can be read back.
bool survives_use(IpPacket view, RandomSource& random) {
  bool ok = view.upper().size() < view.bytes().size();
  size_t sum = view.hop_limit() + view.upper_protocol() + static_cast<size_t>(view.ecn());
  if (const auto udp = view.udp()) sum += udp->payload().size() + udp->checksum();
  if (const auto tcp = view.tcp()) sum += tcp->options().size() + tcp->payload().size();
  if (const auto icmp = view.icmp()) sum += icmp->body().size() + icmp->rest_of_header();
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto answer = answer_with_icmp_error(IcmpError::prohibited(view.family()), view, out);
  ok = ok && (!answer.empty() || sum + 1 > 0);
  if (auto error = parse_icmp_error(view)) {
    const auto source = error->quoted.source_protocol();
    ok = ok && error->quoted.translate_destination(source, error->quoted.destination());
  }
  const IpAddress to = testing::random_address(view.family(), random);
  ok = ok && view.set_destination(to) && view.destination() == to;
  ok = ok && view.set_source(to) && view.source() == to;
  const auto protocol = view.source_protocol();
  if (const auto* known = std::get_if<Protocol>(&protocol)) {
    const Protocol other{known->kind, static_cast<uint16_t>(random.next_u32())};
    ok = ok && view.translate_source(other, to) &&
         view.destination_protocol() == ClassifiedProtocol(other);
  }
  view.mark_congestion();
  view.write_checksums();
  return ok && testing::has_right_checksums(view.bytes());
}

TEST_CASE("no damage to a packet makes its view misbehave") {
  SeededRandom random(GENERATE(range(uint64_t{1}, uint64_t{9})));
  size_t accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    Bytes packet = testing::random_packet(random);
    for (uint64_t n = random.below(5); n > 0; --n) {
      packet[random.below(random.below(2) == 0 ? 60 : packet.size()) % packet.size()] =
          static_cast<uint8_t>(random.next_u32());
    }
    if (random.below(4) == 0) packet.resize(random.below(packet.size() + 1));
    if (packet.size() >= 40 && random.below(2) == 0) packet = honest(packet);
    const auto result = IpPacket::parse(packet);
    if (const auto* view = std::get_if<IpPacket>(&result)) {
      ++accepted;
      REQUIRE(survives_use(*view, random));
    }
  }
  CHECK(accepted > 200);
  CHECK(accepted < 1990);
}

}  // namespace
}  // namespace connlib
