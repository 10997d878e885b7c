#include "snownet/stun/xor_address.h"

#include <array>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"

namespace connlib::snownet::stun {
namespace {

TEST_CASE("any address and port survive the masking under any transaction") {
  SeededRandom random(5);
  for (int round = 0; round < 1000; ++round) {
    const TransactionId id = TransactionId::random(random);
    SocketAddress address{Ipv4Address{random.bytes<4>()}, static_cast<uint16_t>(random.next_u32())};
    if (round % 2 == 1) address.ip = Ipv6Address{random.bytes<16>()};
    std::array<uint8_t, 20> buffer{};
    ByteWriter out(buffer);
    encode_xor_address(address, id, out);
    REQUIRE(out.ok());
    CHECK(out.size() == xor_address_bytes(address));
    CHECK(decode_xor_address(out.written(), id) == address);
  }
}

TEST_CASE("an IPv6 address does not read back under another transaction, an IPv4 address does") {
  const TransactionId id{{1}};
  const TransactionId other{{2}};
  std::array<uint8_t, 20> buffer{};
  const auto v6 = *SocketAddress::parse("[2001:db8::1]:443");
  ByteWriter six(buffer);
  encode_xor_address(v6, id, six);
  CHECK(decode_xor_address(six.written(), other) != v6);
  const auto v4 = *SocketAddress::parse("192.0.2.1:443");
  ByteWriter four(buffer);
  encode_xor_address(v4, id, four);
  CHECK(decode_xor_address(four.written(), other) == v4);
}

TEST_CASE("only the two lengths that fit their family are addresses") {
  const std::array<uint8_t, 32> zeros{};
  for (size_t size = 0; size <= zeros.size(); ++size) {
    for (const uint8_t family : {uint8_t{0}, uint8_t{1}, uint8_t{2}, uint8_t{3}, uint8_t{255}}) {
      CAPTURE(size, family);
      auto value = zeros;
      value[1] = family;
      const bool is_address = (family == 1 && size == 8) || (family == 2 && size == 20);
      CHECK(decode_xor_address(std::span(value).first(size), {}).has_value() == is_address);
    }
  }
}

}  // namespace
}  // namespace connlib::snownet::stun
