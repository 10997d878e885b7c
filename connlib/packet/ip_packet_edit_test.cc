#include <algorithm>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/packet/ip_packet.h"
#include "tests/support/packets.h"
#include "tests/support/random_packets.h"

namespace connlib {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;

IpPacket parsed(Bytes& packet) {
  auto result = IpPacket::parse(packet);
  REQUIRE(std::holds_alternative<IpPacket>(result));
  return std::get<IpPacket>(result);
}

// Model makes the same edits to its own copy, by plain stores and a checksum from scratch.
class Model {
 public:
  explicit Model(const Bytes& packet) : bytes_(packet) {}

  void set_address(bool is_source, const IpAddress& to) {
    const size_t at = to.is_v4() ? (is_source ? 12 : 16) : (is_source ? 8 : 24);
    std::copy(to.bytes().begin(), to.bytes().end(), &bytes_[at]);
    finish();
  }
  void set_protocol(bool is_source, Protocol to) {
    const size_t upper = testing::upper_offset(bytes_);
    const bool is_echo = to.kind == Protocol::Kind::kIcmpEcho;
    store_be16(&bytes_[upper + (is_echo ? 4 : is_source ? 0 : 2)], to.value);
    finish();
  }
  void set_ecn(unsigned ecn) {
    const unsigned shift = bytes_[0] >> 4 == 4 ? 0 : 4;
    bytes_[1] = static_cast<uint8_t>((bytes_[1] & ~(3u << shift)) | ecn << shift);
    finish();
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  void finish() {
    const size_t upper = testing::upper_offset(bytes_);
    const bool is_udp = testing::upper_protocol(bytes_) == kProtocolUdp;
    const bool had_none = is_udp && load_be16(&bytes_[upper + 6]) == 0;
    testing::write_checksums(bytes_);
    if (had_none) store_be16(&bytes_[upper + 6], 0);
  }
  Bytes bytes_;
};

void edit_both(IpPacket& view, Model& model, RandomSource& random) {
  const IpAddress to = testing::random_address(view.family(), random);
  const auto classified = view.source_protocol();
  const auto* known = std::get_if<Protocol>(&classified);
  Protocol protocol = known != nullptr ? *known : Protocol();
  protocol.value = random.below(4) == 0 ? uint16_t{0} : static_cast<uint16_t>(random.next_u32());
  const bool is_source = random.below(2) == 0;
  switch (random.below(known != nullptr ? 4 : 2)) {
    case 0:
      REQUIRE((is_source ? view.set_source(to) : view.set_destination(to)));
      model.set_address(is_source, to);
      break;
    case 1: {
      const auto ecn = static_cast<unsigned>(random.below(4));
      view.set_ecn(static_cast<Ecn>(ecn));
      model.set_ecn(ecn);
      break;
    }
    case 2:
      REQUIRE((is_source ? view.set_source_protocol(protocol)
                         : view.set_destination_protocol(protocol)));
      model.set_protocol(is_source, protocol);
      break;
    default:  // The NAT operations name the far address and the near port, or the reverse.
      REQUIRE((is_source ? view.translate_source(protocol, to)
                         : view.translate_destination(protocol, to)));
      model.set_address(is_source, to);
      model.set_protocol(!is_source, protocol);
  }
}

TEST_CASE("any sequence of edits gives the bytes that checksums from scratch give") {
  SeededRandom random(GENERATE(range(uint64_t{1}, uint64_t{9})));
  for (int i = 0; i < 500; ++i) {
    Bytes packet = testing::random_packet(random);
    REQUIRE(testing::has_right_checksums(packet));
    IpPacket view = parsed(packet);
    Model model(packet);
    for (uint64_t n = 1 + random.below(12); n > 0; --n) {
      edit_both(view, model, random);
      REQUIRE(packet == model.bytes());
      REQUIRE(testing::has_right_checksums(packet));
    }
  }
}

TEST_CASE("edits find every value of a checksum, both zeros included") {
  const bool is_udp = GENERATE(true, false);
  const SocketAddress from = endpoint("10.0.0.1:0");
  const SocketAddress to = endpoint("10.0.0.2:53");
  Bytes packet = is_udp ? testing::udp_packet(from, to) : testing::echo_packet(from.ip, to.ip);
  IpPacket view = parsed(packet);
  for (uint32_t value = 0; value <= 0xffff; ++value) {
    const auto kind = is_udp ? Protocol::Kind::kUdp : Protocol::Kind::kIcmpEcho;
    REQUIRE(view.set_source_protocol({kind, static_cast<uint16_t>(value)}));
    REQUIRE(testing::has_right_checksums(packet));
    if (is_udp) REQUIRE(view.udp()->checksum() != 0);
  }
}

TEST_CASE("a UDP datagram without checksum stays without") {
  Bytes packet = testing::udp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:53"), {1});
  store_be16(&packet[26], 0);
  IpPacket view = parsed(packet);
  REQUIRE(view.translate_destination(Protocol::udp(2000), address("192.0.2.1")));
  CHECK(view.udp()->checksum() == 0);
  CHECK(view.udp()->source_port() == 2000);
}

TEST_CASE("an ICMPv4 echo reply of nothing but zeros keeps a checksum that verifies") {
  Bytes packet = testing::echo_packet(address("10.0.0.1"), address("10.0.0.2"),
                                      {.identifier = 5, .sequence = 0, .is_reply = true}, Bytes(9));
  IpPacket view = parsed(packet);
  REQUIRE(view.set_source_protocol(Protocol::icmp_echo(0)));
  CHECK(view.icmp()->checksum() == 0xffff);
  CHECK(testing::has_right_checksums(packet));
}

TEST_CASE("new addresses change the checksum of ICMPv6 but not of ICMPv4") {
  const bool v4 = GENERATE(true, false);
  const IpAddress here = address(v4 ? "10.0.0.1" : "fd00::1");
  const IpAddress there = address(v4 ? "192.0.2.7" : "2001:db8::7");
  Bytes packet = testing::echo_packet(here, here);
  IpPacket view = parsed(packet);
  const uint16_t before = view.icmp()->checksum();
  REQUIRE(view.set_destination(there));
  CHECK((view.icmp()->checksum() == before) == v4);
  CHECK(testing::has_right_checksums(packet));
}

TEST_CASE("a wrong checksum stays wrong, so that the receiver can tell") {
  Bytes packet = testing::udp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:53"), {1, 2});
  packet.back() ^= 1;
  REQUIRE(parsed(packet).translate_destination(Protocol::udp(7), address("192.0.2.1")));
  CHECK_FALSE(testing::has_right_checksums(packet));
}

TEST_CASE("an edit that does not fit the packet changes nothing") {
  const IpAddress v4 = address("192.0.2.1");
  const IpAddress v6 = address("2001:db8::1");
  Bytes udp = testing::udp_packet(endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:53"));
  Bytes timestamp =
      testing::ip_packet(address("10.0.0.1"), address("10.0.0.2"), kProtocolIcmpv4, Bytes(20, 13));
  const Bytes before[] = {udp, timestamp};
  IpPacket view = parsed(udp);
  CHECK_FALSE(view.set_source(v6));
  CHECK_FALSE(view.set_destination(v6));
  CHECK_FALSE(view.set_source_protocol(Protocol::tcp(1)));
  CHECK_FALSE(view.set_destination_protocol(Protocol::icmp_echo(1)));
  CHECK_FALSE(view.translate_destination(Protocol::udp(1), v6));
  CHECK_FALSE(view.translate_destination(Protocol::tcp(1), v4));
  CHECK_FALSE(view.translate_source(Protocol::udp(1), v6));
  CHECK_FALSE(view.translate_source(Protocol::tcp(1), v4));
  CHECK(udp == before[0]);
  CHECK_FALSE(parsed(timestamp).translate_source(Protocol::icmp_echo(1), v4));
  CHECK(timestamp == before[1]);
}

TEST_CASE("checksums written anew are those of the builder") {
  SeededRandom random(17);
  for (int i = 0; i < 500; ++i) {
    Bytes expected = testing::random_packet(random);
    testing::write_checksums(expected);
    Bytes packet = expected;
    if (packet[0] >> 4 == 4) store_be16(&packet[10], 0xbeef);
    if (testing::upper_protocol(packet) == kProtocolUdp) {
      store_be16(&packet[testing::upper_offset(packet) + 6], 0xbeef);
    }
    parsed(packet).write_checksums();
    REQUIRE(packet == expected);
  }
}

}  // namespace
}  // namespace connlib
