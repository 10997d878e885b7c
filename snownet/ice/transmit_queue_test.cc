#include "snownet/ice/transmit_queue.h"

#include <catch2/catch.hpp>

namespace connlib::snownet::ice {
namespace {

// Told apart by the remote port.
Path path(size_t number) {
  return {{Ipv4Address{{192, 0, 2, 1}}, 1},
          {Ipv4Address{{192, 0, 2, 2}}, static_cast<uint16_t>(number)}};
}
void push(TransmitQueue& queue, size_t from, size_t count) {
  for (size_t i = from; i < from + count; ++i) queue.push(path(i), {});
}
std::vector<size_t> drain(TransmitQueue& queue) {
  std::vector<size_t> ports;
  while (const auto transmit = queue.pop()) ports.push_back(transmit->path.remote.port);
  return ports;
}
std::vector<size_t> count_up(size_t from, size_t count) {
  std::vector<size_t> out;
  for (size_t i = from; i < from + count; ++i) out.push_back(i);
  return out;
}

TEST_CASE("a queue gives back what it was given, in order, then nothing") {
  TransmitQueue queue;
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop().has_value());
  push(queue, 1, 5);
  CHECK(drain(queue) == count_up(1, 5));
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop().has_value());
}

TEST_CASE("a queue that grows while it is wrapped keeps the order") {
  const size_t before =
      GENERATE(range<size_t>(1, 40));  // So many were there, and some of them left.
  const size_t left = GENERATE_COPY(values<size_t>({1, before / 2, before}));
  CAPTURE(before, left);
  if (left == 0) return;
  TransmitQueue queue;
  push(queue, 1, before);
  for (size_t i = 0; i < left; ++i) REQUIRE(queue.pop()->path.remote.port == i + 1);
  push(queue, before + 1, left);       // Wraps around where nothing is to spare.
  push(queue, before + left + 1, 24);  // Has to grow.
  CHECK(queue.size() == before + 24);
  CHECK(drain(queue) == count_up(left + 1, before + 24));
}

TEST_CASE("at sixty-four the oldest transmit is dropped") {
  TransmitQueue queue;
  push(queue, 1, kMaxQueuedTransmits);
  CHECK(queue.size() == 64);
  push(queue, 65, 1);
  CHECK(queue.size() == 64);
  CHECK(drain(queue) == count_up(2, 64));
  push(queue, 1, 200);
  CHECK(drain(queue) == count_up(137, 64));
}

}  // namespace
}  // namespace connlib::snownet::ice
