#include "connlib/client/unique_packet_buffer.h"

#include <catch2/catch.hpp>

#include "tests/support/packets.h"

namespace connlib::client {
namespace {

using testing::address;
using testing::Bytes;
using testing::endpoint;
using Outcome = UniquePacketBuffer::Outcome;

constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;

Bytes numbered(uint16_t port) {
  return testing::udp_packet(endpoint("100.64.0.7:40000"), {address("10.0.0.1"), port}, {1, 2});
}
Bytes tcp(uint8_t flags, uint32_t sequence, uint16_t identification, uint16_t port = 443) {
  return testing::tcp_packet(endpoint("100.64.0.7:40000"), {address("10.0.0.1"), port},
                             {.sequence = sequence, .flags = flags}, {},
                             {.identification = identification});
}

TEST_CASE("packets leave in the order in which they came") {
  UniquePacketBuffer buffer(4);
  for (uint16_t port = 1; port <= 3; ++port) CHECK(buffer.push(numbered(port)) == Outcome::kKept);
  CHECK(buffer.take() == std::vector<Bytes>{numbered(1), numbered(2), numbered(3)});
  CHECK(buffer.empty());
  CHECK(buffer.take().empty());
}

TEST_CASE("the same bytes are kept once") {
  UniquePacketBuffer buffer(4);
  buffer.push(numbered(1));
  buffer.push(numbered(2));
  CHECK(buffer.push(numbered(1)) == Outcome::kDuplicate);
  CHECK(buffer.take() == std::vector<Bytes>{numbered(1), numbered(2)});
}

TEST_CASE("a full buffer loses its oldest packet, however often") {
  UniquePacketBuffer buffer(3);
  for (uint16_t port = 1; port <= 3; ++port) buffer.push(numbered(port));
  for (uint16_t port = 4; port <= 8; ++port) {
    CHECK(buffer.push(numbered(port)) == Outcome::kLostOldest);
  }
  CHECK(buffer.size() == 3);
  CHECK(buffer.take() == std::vector<Bytes>{numbered(6), numbered(7), numbered(8)});
  CHECK(buffer.push(numbered(9)) == Outcome::kKept);
  CHECK(buffer.take() == std::vector<Bytes>{numbered(9)});
}

// Lessons 9df1d7785e, 66b7ca6f7f: a connect() that waits long filled the buffer with its SYNs.
TEST_CASE("a retransmitted SYN takes the place of the one before") {
  UniquePacketBuffer buffer(4);
  buffer.push(tcp(kSyn, 5000, 1));
  buffer.push(numbered(1));
  for (uint16_t i = 2; i < 20; ++i) CHECK(buffer.push(tcp(kSyn, 5000, i)) == Outcome::kReplaced);
  CHECK(buffer.take() == std::vector<Bytes>{tcp(kSyn, 5000, 19), numbered(1)});
}

// Lesson b8c4001848: the answer to a peer's SYN is not a repetition of ours.
TEST_CASE("only SYNs of the same connection repeat each other") {
  UniquePacketBuffer buffer(8);
  buffer.push(tcp(kSyn, 5000, 1));
  CHECK(buffer.push(tcp(kSyn | kAck, 5000, 2)) == Outcome::kKept);
  CHECK(buffer.push(tcp(kSyn | kAck, 5000, 3)) == Outcome::kKept);
  CHECK(buffer.push(tcp(kSyn, 5001, 4)) == Outcome::kKept);
  CHECK(buffer.push(tcp(kSyn, 5000, 5, 80)) == Outcome::kKept);
  CHECK(buffer.push(tcp(kAck, 5000, 6)) == Outcome::kKept);
  CHECK(buffer.size() == 6);
}

TEST_CASE("bytes that are no packet are kept as bytes") {
  UniquePacketBuffer buffer(2);
  CHECK(buffer.push(Bytes{0x45}) == Outcome::kKept);
  CHECK(buffer.push(Bytes{0x45}) == Outcome::kDuplicate);
  CHECK(buffer.push(Bytes{}) == Outcome::kKept);
}

}  // namespace
}  // namespace connlib::client
