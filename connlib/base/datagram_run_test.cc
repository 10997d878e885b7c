#include "connlib/base/datagram_run.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace connlib {
namespace {

bool append(DatagramRun& run, size_t bytes, uint8_t fill) {
  const auto room = run.reserve(bytes);
  if (room.empty()) return false;
  std::fill(room.begin(), room.end(), fill);
  run.commit();
  return true;
}

TEST_CASE("a run takes equal datagrams, and one shorter one last") {
  DatagramRun run;
  run.start({}, Ecn::kEct0);
  CHECK(append(run, 100, 1));
  CHECK(append(run, 100, 2));
  CHECK_FALSE(append(run, 101, 3));
  CHECK(append(run, 40, 4));
  CHECK_FALSE(append(run, 40, 5));
  CHECK(run.segments() == 3);
  CHECK(run.segment_bytes() == 100);
  CHECK(run.bytes().size() == 240);
  CHECK(run.bytes()[200] == 4);
}

TEST_CASE("a reservation that is not committed leaves no trace") {
  DatagramRun run;
  run.start({}, Ecn::kNotEct);
  REQUIRE_FALSE(run.reserve(500).empty());
  CHECK(run.empty());
  CHECK(append(run, 20, 1));
  CHECK(run.segment_bytes() == 20);
  run.commit();  // Nothing is reserved: nothing happens.
  CHECK(run.segments() == 1);
}

TEST_CASE("a run ends at the kernel's segment count and at 64 KiB") {
  auto [bytes, expected] = GENERATE(table<size_t, size_t>({{32, 64}, {1316, 49}, {1452, 45}}));
  CAPTURE(bytes);
  DatagramRun run;
  run.start({}, Ecn::kNotEct);
  size_t count = 0;
  while (append(run, bytes, 0)) ++count;
  CHECK(count == expected);
}

TEST_CASE("a received run is cut every segment, the last one shorter") {
  std::array<uint8_t, 250> bytes{};
  std::vector<size_t> sizes;
  for_each_segment(bytes, 100, [&](std::span<uint8_t> one) { sizes.push_back(one.size()); });
  CHECK(sizes == std::vector<size_t>{100, 100, 50});
  sizes.clear();
  for_each_segment(bytes, 0, [&](std::span<uint8_t> one) { sizes.push_back(one.size()); });
  CHECK(sizes == std::vector<size_t>{250});
}

}  // namespace
}  // namespace connlib
