#include "shells/wg/inner_header.h"

#include <array>

#include <catch2/catch.hpp>

namespace connlib::wg {
namespace {

// A valid IPv4 header: 10.0.0.1 to 10.0.0.2, ECN as given, checksum right.
std::array<uint8_t, 20> header(uint8_t ecn) {
  std::array<uint8_t, 20> out{0x45, ecn, 0,  20, 0, 1, 0x40, 0, 64, 253,
                              0,    0,   10, 0,  0, 1, 10,   0, 0,  2};
  ChecksumSum sum;
  sum.add(out);
  store_be16(&out[10], sum.finished());
  return out;
}

}  // namespace

TEST_CASE("addresses and ECN are read from either family") {
  const auto v4 = header(2);
  CHECK(to_text(InnerHeader(v4).source()) == "10.0.0.1");
  CHECK(to_text(InnerHeader(v4).destination()) == "10.0.0.2");
  CHECK(InnerHeader(v4).ecn() == Ecn::kEct0);

  std::array<uint8_t, 40> v6{0x60, 0x10};
  v6[8] = 0xfd;
  v6[39] = 9;
  CHECK(to_text(InnerHeader(v6).source()) == "fd00::");
  CHECK(to_text(InnerHeader(v6).destination()) == "::9");
  CHECK(InnerHeader(v6).ecn() == Ecn::kEct1);
}

TEST_CASE("congestion is marked only on packets that speak ECN") {
  const uint8_t before = GENERATE(uint8_t{0}, uint8_t{1}, uint8_t{2}, uint8_t{3});
  CAPTURE(int{before});
  auto v4 = header(before);
  mark_congestion(v4);
  CHECK(int{v4[1]} == (before == 0 ? 0 : 3));
  ChecksumSum sum;
  sum.add(v4);
  CHECK(sum.finished() == 0);

  std::array<uint8_t, 40> v6{0x60, static_cast<uint8_t>(before << 4 | 0x0c)};
  mark_congestion(v6);
  CHECK(int{v6[1]} == (before == 0 ? 0x0c : 0x3c));
}

}  // namespace connlib::wg
