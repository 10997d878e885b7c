#include "connlib/packet/icmp_error.h"

#include <algorithm>
#include <array>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "tests/support/packets.h"
#include "tests/support/random_packets.h"

namespace connlib {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;

constexpr auto kV4 = IpFamily::kV4;
constexpr auto kV6 = IpFamily::kV6;

IpPacket parsed(Bytes& packet) {
  auto result = IpPacket::parse(packet);
  REQUIRE(std::holds_alternative<IpPacket>(result));
  return std::get<IpPacket>(result);
}

Bytes answer(const IcmpError& error, Bytes failed) {
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto written = answer_with_icmp_error(error, parsed(failed), out);
  return {written.begin(), written.end()};
}

// An error as some router sends it: `rest` is the second word, `quote` as it is.
Bytes error_packet(IpFamily family, uint8_t type, uint8_t code, uint32_t rest, const Bytes& quote) {
  Bytes message(8 + quote.size());
  message[0] = type;
  message[1] = code;
  store_be32(&message[4], rest);
  std::copy(quote.begin(), quote.end(), message.begin() + 8);
  const bool v4 = family == kV4;
  return testing::ip_packet(address(v4 ? "198.51.100.1" : "2001:db8::99"),
                            address(v4 ? "100.64.0.7" : "fd00:2021:1111::7"), v4 ? 1 : 58, message);
}

Bytes udp_of(IpFamily family, const Bytes& payload = Bytes(64, 0xab)) {
  return family == kV4
             ? testing::udp_packet(endpoint("100.64.0.7:1000"), endpoint("192.0.2.1:53"), payload)
             : testing::udp_packet(endpoint("[fd00:2021:1111::7]:1000"),
                                   endpoint("[2001:db8::1]:53"), payload);
}

TEST_CASE("an answer comes from the destination, with the types of the two policies") {
  const auto [family, what, error, type, code] =
      GENERATE(table<IpFamily, const char*, IcmpError, int, int>({
          {kV4, "prohibited", IcmpError::prohibited(kV4), 3, 13},
          {kV6, "prohibited", IcmpError::prohibited(kV6), 1, 1},
          {kV4, "network", IcmpError::network_unreachable(kV4), 3, 0},
          {kV6, "network", IcmpError::network_unreachable(kV6), 1, 3},
      }));
  CAPTURE(what);
  Bytes failed = udp_of(family);
  Bytes reply = answer(error, failed);
  const IpPacket view = parsed(reply);
  CHECK(view.source() == parsed(failed).destination());
  CHECK(view.destination() == parsed(failed).source());
  CHECK(int{view.hop_limit()} == 20);
  REQUIRE(view.icmp().has_value());
  CHECK(int{view.icmp()->type()} == type);
  CHECK(int{view.icmp()->code()} == code);
  CHECK(view.icmp()->rest_of_header() == 0);
  CHECK(testing::has_right_checksums(reply));
}

TEST_CASE("the quote is as long as its family allows and never longer than the packet") {
  auto sized = [](IpFamily family, size_t upper_bytes, const Bytes& options = {}) {
    const bool v4 = family == kV4;
    return testing::ip_packet(address(v4 ? "10.0.0.1" : "fd00::1"),
                              address(v4 ? "10.0.0.2" : "fd00::2"), 253, Bytes(upper_bytes, 0xcd),
                              {.options = options});
  };
  const auto [what, failed, quoted] = GENERATE_COPY(table<const char*, Bytes, size_t>({
      {"IPv4: header and 8 bytes", sized(kV4, 100), 28},
      {"IPv4: options belong to the header", sized(kV4, 100, Bytes(12, 1)), 40},
      {"IPv4: shorter than 8 bytes", sized(kV4, 3), 23},
      {"IPv4: nothing behind the header", sized(kV4, 0), 20},
      {"IPv6: all of it", sized(kV6, 100), 140},
      {"IPv6: the last that fits", sized(kV6, 1192), 1232},
      {"IPv6: as much as fits 1280", sized(kV6, 1240), 1232},
  }));
  CAPTURE(what);
  Bytes copy = failed;
  Bytes reply = answer(IcmpError::prohibited(parsed(copy).family()), failed);
  const IpPacket view = parsed(reply);
  const auto body = view.icmp()->body();
  CHECK(body.size() == quoted);
  CHECK(std::equal(body.begin(), body.end(), failed.begin()));
  CHECK(testing::has_right_checksums(reply));
}

TEST_CASE("no error answers an error, multicast or nobody") {
  const auto [what, failed] = GENERATE(table<const char*, Bytes>({
      {"unreachable", error_packet(kV4, 3, 1, 0, udp_of(kV4))},
      {"redirect", error_packet(kV4, 5, 1, 0, udp_of(kV4))},
      {"ICMPv6 error we do not know", error_packet(kV6, 100, 0, 0, udp_of(kV6))},
      {"multicast", testing::udp_packet(endpoint("10.0.0.1:1"), endpoint("224.0.0.251:5353"))},
      {"from multicast", testing::udp_packet(endpoint("[ff02::1]:1"), endpoint("[fd00::1]:1"))},
      {"control packet", testing::ip_packet(address("::"), address("::"), 255, Bytes(8))},
  }));
  CAPTURE(what);
  Bytes copy = failed;
  CHECK(answer(IcmpError::prohibited(parsed(copy).family()), failed).empty());
}

TEST_CASE("an error is not written where it does not fit") {
  const Bytes failed = udp_of(kV4);
  const IcmpErrorAddresses v4{address("192.0.2.1"), address("10.0.0.1")};
  const IcmpErrorAddresses v6{address("2001:db8::1"), address("fd00::1")};
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto error = IcmpError::prohibited(kV4);
  CHECK(write_icmp_error(error, v4, failed, out).size() == 56);
  CHECK(write_icmp_error(error, v4, failed, std::span(out).first(55)).empty());
  CHECK(write_icmp_error(error, v6, failed, out).empty());
  CHECK(write_icmp_error(error, {v4.source, v6.destination}, failed, out).empty());
  CHECK(write_icmp_error(IcmpError::prohibited(kV6), v6, failed, out).empty());
  CHECK(write_icmp_error(error, v4, std::span(failed).first(19), out).empty());
  CHECK(write_icmp_error(error, v4, {}, out).empty());
}

TEST_CASE("what an error says is read back, an MTU with it and nothing else") {
  const auto [what, family, type, code, rest, mtu] =
      GENERATE(table<const char*, IpFamily, int, int, uint32_t, uint32_t>({
          {"network unreachable", kV4, 3, 0, 0, 0},
          {"port unreachable, with RFC 4884 length", kV4, 3, 3, 0x00200000, 0},
          {"fragmentation needed", kV4, 3, 4, 0x00000500, 1280},
          {"fragmentation needed, with RFC 4884 length", kV4, 3, 4, 0x00200514, 1300},
          {"time exceeded", kV4, 11, 0, 0, 0},
          {"no route", kV6, 1, 0, 0, 0},
          {"port unreachable", kV6, 1, 4, 0x10000000, 0},
          {"packet too big", kV6, 2, 0, 1400, 1400},
          {"packet too big, absurd", kV6, 2, 0, 0xffffffff, 0xffffffff},
          {"hop limit exceeded", kV6, 3, 0, 0, 0},
      }));
  CAPTURE(what);
  Bytes packet = error_packet(family, static_cast<uint8_t>(type), static_cast<uint8_t>(code), rest,
                              udp_of(family));
  IpPacket view = parsed(packet);
  const auto message = parse_icmp_error(view);
  REQUIRE(message.has_value());
  const IcmpError expected{family, static_cast<uint8_t>(type), static_cast<uint8_t>(code), mtu};
  CHECK(message->error == expected);
  Bytes failed = udp_of(family);
  CHECK(message->quoted.source() == parsed(failed).source());
  CHECK(message->quoted.destination() == parsed(failed).destination());
  CHECK(message->quoted.source_protocol() == Protocol::udp(1000));
  CHECK(message->quoted.destination_protocol() == Protocol::udp(53));

  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  auto again = write_icmp_error(message->error, {view.source(), view.destination()},
                                message->quoted.bytes(), out);
  auto reparsed = IpPacket::parse(again);
  const auto same = parse_icmp_error(std::get<IpPacket>(reparsed));
  REQUIRE(same.has_value());
  CHECK(same->error == expected);
}

TEST_CASE("an error that tells no flow is not understood") {
  auto cut = [](Bytes bytes, size_t size) {
    bytes.resize(size);
    return bytes;
  };
  auto with = [](Bytes bytes, size_t at, uint8_t value) {
    bytes.at(at) = value;
    return bytes;
  };
  const Bytes request = testing::echo_packet(address("10.0.0.1"), address("10.0.0.2"));
  const Bytes reply =
      testing::echo_packet(address("10.0.0.1"), address("10.0.0.2"), {.is_reply = true});
  const IpAddress a = address("10.0.0.1");
  const IpAddress a6 = address("fd00::1");
  const auto [what, packet, is_understood] = GENERATE_COPY(table<const char*, Bytes, bool>({
      {"echo request", error_packet(kV4, 3, 1, 0, request), true},
      {"echo reply", error_packet(kV4, 3, 1, 0, reply), false},
      {"identifier cut off", error_packet(kV4, 3, 1, 0, cut(request, 25)), false},
      {"up to the identifier", error_packet(kV4, 3, 1, 0, cut(request, 26)), true},
      {"ports", error_packet(kV4, 3, 1, 0, cut(udp_of(kV4), 24)), true},
      {"a port cut off", error_packet(kV4, 3, 1, 0, cut(udp_of(kV4), 23)), false},
      {"header only", error_packet(kV4, 3, 1, 0, cut(udp_of(kV4), 20)), false},
      {"half a header", error_packet(kV4, 3, 1, 0, cut(udp_of(kV4), 19)), false},
      {"nothing", error_packet(kV4, 3, 1, 0, {}), false},
      {"first fragment", error_packet(kV4, 3, 1, 0, with(udp_of(kV4), 6, 0x20)), true},
      {"later fragment", error_packet(kV4, 3, 1, 0, with(udp_of(kV4), 7, 9)), false},
      {"states less than ports", error_packet(kV4, 3, 1, 0, with(udp_of(kV4), 3, 23)), false},
      {"SCTP", error_packet(kV4, 3, 1, 0, testing::ip_packet(a, a, 132, Bytes(12))), false},
      {"another error", error_packet(kV4, 3, 1, 0, error_packet(kV4, 3, 1, 0, request)), false},
      {"ICMPv6 in IPv4", error_packet(kV4, 3, 1, 0, testing::ip_packet(a, a, 58, Bytes(8, 128))),
       false},
      {"ICMPv4 in IPv6", error_packet(kV6, 1, 0, 0, testing::ip_packet(a6, a6, 1, Bytes(8, 8))),
       false},
      {"IPv6 quoted in IPv4", error_packet(kV4, 3, 1, 0, udp_of(kV6)), false},
      {"IPv4 quoted in IPv6", error_packet(kV6, 1, 0, 0, udp_of(kV4)), false},
      {"IPv6 ports", error_packet(kV6, 1, 0, 0, cut(udp_of(kV6), 44)), true},
      {"IPv6 a port cut off", error_packet(kV6, 1, 0, 0, cut(udp_of(kV6), 43)), false},
      {"source quench", error_packet(kV4, 4, 0, 0, udp_of(kV4)), false},
      {"redirect", error_packet(kV4, 5, 0, 0, udp_of(kV4)), false},
      {"IPv6 parameter problem", error_packet(kV6, 4, 0, 0, udp_of(kV6)), false},
      {"no error at all", request, false},
      {"not even ICMP", udp_of(kV4), false},
  }));
  CAPTURE(what);
  Bytes copy = packet;
  IpPacket view = parsed(copy);
  CHECK(parse_icmp_error(view).has_value() == is_understood);
}

TEST_CASE("what a router appends to the quote is not part of it") {
  const auto family = GENERATE(kV4, kV6);
  const Bytes failed = udp_of(family, {1, 2, 3});
  Bytes padded = failed;
  padded.resize(160, 0xee);
  Bytes packet = error_packet(family, family == kV4 ? 3 : 1, 0, 0, padded);
  IpPacket view = parsed(packet);
  const auto message = parse_icmp_error(view);
  REQUIRE(message.has_value());
  CHECK(std::ranges::equal(message->quoted.bytes(), failed));
}

TEST_CASE("any flow that fails is found again in the answer about it") {
  SeededRandom random(GENERATE(range(uint64_t{1}, uint64_t{5})));
  size_t found = 0;
  for (int i = 0; i < 500; ++i) {
    Bytes failed = testing::random_packet(random);
    const IpPacket original = parsed(failed);
    Bytes reply = answer(IcmpError::network_unreachable(original.family()), failed);
    if (reply.empty()) continue;
    REQUIRE(testing::has_right_checksums(reply));
    IpPacket view = parsed(reply);
    const auto message = parse_icmp_error(view);
    if (!message) continue;
    ++found;
    CHECK(message->quoted.source() == original.source());
    CHECK(message->quoted.destination() == original.destination());
    CHECK(ClassifiedProtocol(message->quoted.source_protocol()) == original.source_protocol());
    CHECK(ClassifiedProtocol(message->quoted.destination_protocol()) ==
          original.destination_protocol());
  }
  CHECK(found > 150);
}

// What a gateway does with an error from the internet (spec tunnel 5.6): `sent` went out of the
// client, `translated` reached the resource, which answers with an error about that.
Bytes undo_nat(Bytes error, Protocol inside, const IpAddress& proxy, const IpAddress& client) {
  IpPacket view = parsed(error);
  auto message = parse_icmp_error(view);
  REQUIRE(message.has_value());
  REQUIRE(message->quoted.translate_destination(inside, proxy));
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto written =
      write_icmp_error(message->error, {proxy, client}, message->quoted.bytes(), out);
  return {written.begin(), written.end()};
}

TEST_CASE(
    "an error about a translated packet quotes what the application sent, checksums included") {
  SeededRandom random(GENERATE(range(uint64_t{1}, uint64_t{9})));
  int translated = 0;
  for (int i = 0; i < 200; ++i) {
    const Bytes sent = testing::random_packet(random);
    Bytes packet = sent;
    IpPacket view = parsed(packet);
    const auto classified = view.source_protocol();
    const auto* inside = std::get_if<Protocol>(&classified);
    if (inside == nullptr) continue;
    const Protocol outside{inside->kind, static_cast<uint16_t>(random.next_u32())};
    const IpAddress client = view.source();
    const IpAddress proxy = view.destination();
    const bool v4 = view.family() == kV4;
    REQUIRE(view.translate_destination(outside, testing::random_address(view.family(), random)));

    // Half of the routers quote no more than 8 bytes: often no checksum is left to repair.
    const size_t most = random.below(2) == 0 ? testing::upper_offset(packet) + 8 : v4 ? 500 : 1232;
    Bytes quote = packet;
    quote.resize(std::min(packet.size(), most));
    const Bytes error = error_packet(view.family(), v4 ? 11 : 3, 0, 0, quote);
    Bytes error_copy = error;
    IpPacket error_view = parsed(error_copy);
    if (!parse_icmp_error(error_view)) continue;  // Echo replies.
    ++translated;
    Bytes delivered = undo_nat(error, *inside, proxy, client);
    REQUIRE(testing::has_right_checksums(delivered));
    const IpPacket result = parsed(delivered);
    CHECK(result.source() == proxy);
    CHECK(result.destination() == client);
    CHECK(int{result.hop_limit()} == 20);
    const auto body = result.icmp()->body();
    REQUIRE(body.size() == std::min(quote.size(), v4 ? testing::upper_offset(sent) + 8 : 1232));
    REQUIRE(std::equal(body.begin(), body.end(), sent.begin()));
  }
  CHECK(translated > 60);
}

}  // namespace
}  // namespace connlib
