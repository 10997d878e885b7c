#include "snownet/stun/channel_data.h"

#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"

namespace connlib::snownet::stun {
namespace {

TEST_CASE("a payload framed in place reads back, from nothing to the largest datagram") {
  const size_t bytes = GENERATE(as<size_t>{}, 0, 1, 3, 4, 1312, 65'503);
  std::vector<uint8_t> frame(kChannelDataHeaderBytes + bytes, 0xab);
  write_channel_data_header(std::span(frame).first<kChannelDataHeaderBytes>(), kLastChannel, bytes);
  const auto read = parse_channel_data(frame);
  REQUIRE(read.has_value());
  CHECK(read->channel == kLastChannel);
  CHECK(read->payload.size() == bytes);
  CHECK(read->payload.data() == frame.data() + kChannelDataHeaderBytes);  // Borrowed, not copied.
}

TEST_CASE("exactly the channels 0x4000 to 0x4fff are channels") {
  std::vector<uint8_t> frame(8);
  store_be16(frame.data() + 2, 4);
  for (uint32_t number = 0; number <= UINT16_MAX; ++number) {
    store_be16(frame.data(), static_cast<uint16_t>(number));
    const bool is_channel = number >= 0x4000 && number <= 0x4fff;
    if (parse_channel_data(frame).has_value() != is_channel) FAIL("channel " << number);
  }
}

TEST_CASE("a truncated frame is refused, trailing bytes are not payload") {
  std::vector<uint8_t> frame = {0x40, 0x00, 0x00, 0x05, 1, 2, 3, 4, 5, 0xff, 0xff, 0xff};
  for (size_t size = 0; size <= frame.size(); ++size) {
    CAPTURE(size);
    const auto read = parse_channel_data(std::span<const uint8_t>(frame).first(size));
    CHECK(read.has_value() == (size >= 9));
    if (read) CHECK(read->payload.size() == 5);
  }
}

}  // namespace
}  // namespace connlib::snownet::stun
