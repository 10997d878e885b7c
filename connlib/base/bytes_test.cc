#include "connlib/base/bytes.h"

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"

namespace connlib {
namespace {

TEST_CASE("a reader returns the fields in order, both byte orders") {
  const auto input = from_hex("0102030405060708090a0b0c0d0e0f10");
  ByteReader in(*input);
  CHECK(in.u8() == 0x01);
  CHECK(in.be16() == 0x0203);
  CHECK(in.le32() == 0x07060504);
  CHECK(in.be64() == 0x08090a0b0c0d0e0f);
  CHECK(in.remaining() == 1);
  CHECK(in.ok());
}

TEST_CASE("a reader that ran out stays failed and returns zeroes") {
  const uint8_t input[] = {0xff, 0xff, 0xff};
  ByteReader in(input);
  CHECK(in.be32() == 0);
  CHECK(in.u8() == 0);  // Although a byte was left, the message was already truncated.
  CHECK(in.bytes(1).empty());
  CHECK_FALSE(in.ok());
}

TEST_CASE("a writer never writes past its end") {
  uint8_t out[5] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa};
  ByteWriter writer(std::span<uint8_t>(out).first(4));
  writer.be16(0x0102);
  writer.be32(0x03040506);
  writer.u8(0x07);
  CHECK_FALSE(writer.ok());
  CHECK(to_hex(writer.written()) == "0102");
  CHECK(to_hex(out) == "0102aaaaaa");
}

TEST_CASE("what a writer wrote a reader reads") {
  uint8_t out[32] = {};
  ByteWriter writer(out);
  writer.le32(0xdeadbeef);
  writer.le64(0x0123456789abcdef);
  writer.be64(42);
  writer.zeros(3);
  REQUIRE(writer.ok());
  ByteReader in(writer.written());
  CHECK(in.le32() == 0xdeadbeef);
  CHECK(in.le64() == 0x0123456789abcdef);
  CHECK(in.be64() == 42);
  CHECK(in.array<3>() == std::array<uint8_t, 3>{});
  CHECK((in.ok() && in.remaining() == 0));
}

TEST_CASE("hex text that is odd or not hex is refused") {
  const char* text = GENERATE("0", "0g", " 00", "0x00", "é0");
  CAPTURE(text);
  CHECK_FALSE(from_hex(text).has_value());
}

}  // namespace
}  // namespace connlib
