#include <algorithm>
#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/bytes.h"
#include "connlib/base/random_source.h"
#include "connlib/packet/checksum.h"
#include "connlib/packet/coalescing.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/segmentation.h"
#include "tests/support/packets.h"

namespace connlib {
namespace {

using testing::Bytes;

struct Flow {
  bool v6 = false;
  uint8_t protocol = kProtocolTcp;
  uint16_t port = 1000;
  uint16_t id = 77;
  uint32_t sequence = 0xfffffff0;
  size_t options = 12;
};

// Builds the next packet of a flow and advances the flow.
Bytes next_packet(Flow& flow, size_t payload_bytes, uint8_t flags, SeededRandom& random) {
  const SocketAddress from{testing::address(flow.v6 ? "fd00::1" : "10.0.0.1"), flow.port};
  const SocketAddress to = testing::endpoint(flow.v6 ? "[fd00::2]:443" : "10.0.0.2:443");
  Bytes payload(payload_bytes);
  random.fill(payload);
  const testing::IpFields ip{.identification = flow.id++};
  if (flow.protocol == kProtocolUdp) return testing::udp_packet(from, to, payload, ip);
  const testing::TcpFields tcp{
      .sequence = flow.sequence, .flags = flags, .options = Bytes(flow.options, 1)};
  flow.sequence += static_cast<uint32_t>(payload_bytes);
  return testing::tcp_packet(from, to, tcp, payload, ip);
}

Bytes joined(const Coalescer::Group& group) {
  Bytes out;
  for (const auto part : group.parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// What the kernel would make of the writes: each cut again.
std::vector<Bytes> cut_again(Coalescer& coalescer, size_t* writes = nullptr) {
  std::vector<Bytes> out;
  coalescer.flush([&](const Coalescer::Group& group) {
    const Bytes whole = joined(group);
    const auto super = SuperPacket::parse(group.info, whole);
    REQUIRE(super.has_value());
    for (size_t i = 0; i < super->segments(); ++i) {
      out.emplace_back(super->segment_bytes(i));
      super->write_segment(i, out.back());
    }
    if (writes != nullptr) ++*writes;
  });
  return out;
}

TEST_CASE("a run of one flow becomes one write and cuts back into the same packets") {
  auto [v6, protocol] = GENERATE(table<bool, uint8_t>(
      {{false, kProtocolTcp}, {true, kProtocolTcp}, {false, kProtocolUdp}, {true, kProtocolUdp}}));
  SeededRandom random(5);
  Flow flow{.v6 = v6, .protocol = protocol};
  std::vector<Bytes> packets;
  for (int i = 0; i < 40; ++i)
    packets.push_back(next_packet(flow, i < 39 ? 1360 : 500, 0x10, random));
  auto copies = packets;
  Coalescer coalescer;
  coalescer.set_merges_udp(true);
  for (auto& packet : copies) REQUIRE(coalescer.add(packet));
  size_t writes = 0;
  CHECK(cut_again(coalescer, &writes) == packets);
  CHECK(writes == 1);
}

TEST_CASE("any mix of flows comes out byte for byte, in order within each flow") {
  const uint64_t seed = GENERATE(range(uint64_t{1}, uint64_t{101}));
  CAPTURE(seed);
  SeededRandom random(seed);
  std::vector<Flow> flows;
  for (uint16_t i = 0; i < 12; ++i) {
    flows.push_back({.v6 = random.below(2) == 0,
                     .protocol = random.below(3) == 0 ? kProtocolUdp : kProtocolTcp,
                     .port = static_cast<uint16_t>(1000 + i),
                     .options = 4 * random.below(4)});
  }
  std::vector<Bytes> packets;
  for (int i = 0; i < 300; ++i) {
    Flow& flow = flows[random.below(random.below(4) == 0 ? 12 : 3)];
    if (random.below(30) == 0) flow.sequence += 1000;
    static constexpr uint8_t kFlags[] = {0x10, 0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x90};
    Bytes packet = next_packet(flow, random.below(10) == 0 ? random.below(100) : 800,
                               kFlags[random.below(std::size(kFlags))], random);
    if (random.below(40) == 0) packet.back() ^= 1;  // A wrong checksum must stay wrong.
    packets.push_back(std::move(packet));
  }
  auto copies = packets;
  Coalescer coalescer;
  coalescer.set_merges_udp(random.below(2) == 0);
  std::vector<Bytes> out;
  for (auto& packet : copies) {
    if (!coalescer.add(packet)) {
      for (auto& one : cut_again(coalescer)) out.push_back(std::move(one));
      REQUIRE(coalescer.add(packet));
    }
  }
  for (auto& one : cut_again(coalescer)) out.push_back(std::move(one));

  auto by_flow = [](const std::vector<Bytes>& list) {
    std::map<uint16_t, std::vector<Bytes>> flows_of;  // by source port
    for (const Bytes& packet : list) {
      flows_of[load_be16(&packet[testing::upper_offset(packet)])].push_back(packet);
    }
    return flows_of;
  };
  CHECK(by_flow(out) == by_flow(packets));
}

TEST_CASE("a packet that needs its checksum finished gets it") {
  SeededRandom random(6);
  Flow flow{.protocol = kProtocolUdp};
  const Bytes expected = next_packet(flow, 33, 0, random);
  Bytes unfinished = expected;
  ChecksumSum pseudo;
  pseudo.add_pseudo_header(unfinished, kProtocolUdp, 41);
  store_be16(&unfinished[26], pseudo.folded());
  const OffloadInfo info{.needs_checksum = true, .checksum_start = 20, .checksum_offset = 6};
  const auto super = SuperPacket::parse(info, unfinished);
  REQUIRE(super.has_value());
  Bytes out(super->segment_bytes(0));
  super->write_segment(0, out);
  CHECK(out == expected);
}

TEST_CASE("metadata that does not fit its packet is refused") {
  SeededRandom random(7);
  Flow flow;
  const Bytes packet = next_packet(flow, 3000, 0x10, random);
  const OffloadInfo good{.gso = Gso::kTcp4,
                         .segment_bytes = 1000,
                         .needs_checksum = true,
                         .checksum_start = 20,
                         .checksum_offset = 16};
  REQUIRE(SuperPacket::parse(good, packet).has_value());
  auto refuse = [&](auto change, std::span<const uint8_t> bytes) {
    OffloadInfo info = good;
    change(info);
    return !SuperPacket::parse(info, bytes).has_value();
  };
  CHECK(refuse([](auto& i) { i.segment_bytes = 0; }, packet));
  CHECK(refuse([](auto& i) { i.segment_bytes = 1; }, packet));  // More than 256 segments.
  CHECK(refuse([](auto& i) { i.checksum_start = 24; }, packet));
  CHECK(refuse([](auto& i) { i.gso = Gso::kTcp6; }, packet));
  CHECK(refuse([](auto& i) { i.needs_checksum = false; }, packet));
  CHECK(refuse([](auto& i) { i.checksum_offset = 60000; }, packet));
  CHECK(refuse([](auto&) {}, std::span(packet).first(52)));  // No payload.
  CHECK(refuse([](auto&) {}, std::span(packet).first(30)));
  CHECK(refuse([](auto&) {}, std::span(packet).first(0)));
}

}  // namespace
}  // namespace connlib
