#include "connlib/packet/checksum.h"

#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/base/hex.h"
#include "connlib/base/random_source.h"
#include "tests/support/packets.h"

namespace connlib {
namespace {

using testing::slow_sum;

TEST_CASE("the example of RFC 1071 sums to ddf2") {
  ChecksumSum sum;
  sum.add(*from_hex("0001f203f4f5f6f7"));
  CHECK(sum.folded() == 0xddf2);
}

TEST_CASE("the fast sum agrees with the obvious one at every length and alignment") {
  SeededRandom random(3);
  for (size_t length = 0; length < 200; ++length) {
    std::vector<uint8_t> bytes(length + 3, 0xff);
    if (length % 2 == 0) random.fill(bytes);
    for (size_t offset = 0; offset < 3; ++offset) {
      const auto part = std::span<const uint8_t>(bytes).subspan(offset, length);
      ChecksumSum sum;
      sum.add(part);
      REQUIRE(sum.folded() == slow_sum(part));
    }
  }
}

TEST_CASE("an incremental update gives what a full sum gives") {
  SeededRandom random(4);
  for (int i = 0; i < 2000; ++i) {
    auto bytes = random.bytes<40>();
    ChecksumSum before;
    before.add(bytes);
    const size_t at = 2 * random.below(20);
    const uint16_t old_word = load_be16(bytes.data() + at);
    const auto new_word = static_cast<uint16_t>(random.next_u32());
    store_be16(bytes.data() + at, new_word);
    ChecksumSum after;
    after.add(bytes);
    REQUIRE(update_checksum(before.finished(), old_word, new_word) == after.finished());
  }
}

}  // namespace
}  // namespace connlib
