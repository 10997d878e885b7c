// Cost of cutting super-packets and of merging received packets.
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/packet/coalescing.h"
#include "connlib/packet/protocol.h"
#include "connlib/packet/segmentation.h"
#include "tests/bench/allocation_counter.h"

namespace connlib {
namespace {

constexpr size_t kHeaders = 52;
constexpr size_t kMss = 1368;
constexpr size_t kSegments = 45;

std::vector<uint8_t> super_packet() {
  std::vector<uint8_t> packet(kHeaders + kMss * kSegments, 0x5a);
  std::fill_n(packet.begin(), kHeaders, uint8_t{0});
  packet[0] = 0x45;
  store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  packet[6] = 0x40;
  packet[8] = 64;
  packet[9] = kProtocolTcp;
  packet[12] = packet[16] = 10;
  packet[19] = 1;
  packet[32] = 0x80;
  packet[33] = 0x10;
  std::fill_n(packet.begin() + 40, 12, uint8_t{1});
  return packet;
}

const OffloadInfo kInfo{.gso = Gso::kTcp4,
                        .segment_bytes = kMss,
                        .header_bytes = kHeaders,
                        .needs_checksum = true,
                        .checksum_start = 20,
                        .checksum_offset = 16};

void cut(benchmark::State& state) {
  const auto packet = super_packet();
  std::vector<uint8_t> out(kHeaders + kMss);
  const uint64_t before = bench::allocations();
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kSegments)) {
    const auto super = SuperPacket::parse(kInfo, packet);
    for (size_t i = 0; i < super->segments(); ++i) super->write_segment(i, out);
    benchmark::ClobberMemory();
    packets += kSegments;
  }
  state.counters["allocs/packet"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(packets);
}
BENCHMARK(cut)->Name("cut one segment off a super-packet");

void merge(benchmark::State& state) {
  const auto packet = super_packet();
  const auto super = SuperPacket::parse(kInfo, packet);
  std::vector<std::vector<uint8_t>> originals(kSegments, std::vector<uint8_t>(kHeaders + kMss));
  for (size_t i = 0; i < kSegments; ++i) super->write_segment(i, originals[i]);
  auto packets = originals;
  Coalescer coalescer;
  const uint64_t before = bench::allocations();
  uint64_t merged = 0;
  while (state.KeepRunningBatch(kSegments)) {
    std::copy_n(originals[0].begin(), kHeaders, packets[0].begin());  // flush() rewrote these.
    for (auto& one : packets) CONNLIB_CHECK(coalescer.add(one));
    coalescer.flush(
        [&](const Coalescer::Group& group) { benchmark::DoNotOptimize(group.parts.size()); });
    merged += kSegments;
  }
  state.counters["allocs/packet"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(merged);
}
BENCHMARK(merge)->Name("merge one segment");

}  // namespace
}  // namespace connlib

BENCHMARK_MAIN();
