// Cost of what every packet of a gateway goes through: the view, and one address translation.
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/packet/ip_packet.h"
#include "tests/bench/allocation_counter.h"

namespace connlib {
namespace {

std::vector<uint8_t> tcp_packet(bool v4) {
  std::vector<uint8_t> packet(IpPacket::kMaxBytes, 0x5a);
  const size_t upper = v4 ? kIpv4MinHeaderBytes : kIpv6HeaderBytes;
  packet[0] = v4 ? 0x45 : 0x60;
  store_be16(&packet[v4 ? 2 : 4], static_cast<uint16_t>(packet.size() - (v4 ? 0 : upper)));
  packet[6] = v4 ? 0x40 : kProtocolTcp;
  packet[7] = 0;
  if (v4) packet[9] = kProtocolTcp;
  packet[upper + 12] = 0x80;
  return packet;
}

void parse(benchmark::State& state) {
  auto bytes = tcp_packet(state.range(0) == 4);
  while (state.KeepRunning()) {
    auto parsed = IpPacket::parse(bytes);
    benchmark::DoNotOptimize(parsed);
    CONNLIB_CHECK(std::holds_alternative<IpPacket>(parsed));
  }
}
BENCHMARK(parse)->Arg(4)->Arg(6);

void parse_and_translate(benchmark::State& state) {
  auto bytes = tcp_packet(state.range(0) == 4);
  Ipv4Address v4{{192, 0, 2, 1}};
  Ipv6Address v6{{0x20, 0x01, 0x0d, 0xb8}};
  uint16_t port = 1;
  const uint64_t before = bench::allocations();
  while (state.KeepRunning()) {
    auto parsed = IpPacket::parse(bytes);
    auto& packet = *std::get_if<IpPacket>(&parsed);
    v4.bytes[3] = v6.bytes[15] = static_cast<uint8_t>(port);
    const IpAddress to = state.range(0) == 4 ? IpAddress(v4) : IpAddress(v6);
    CONNLIB_CHECK(packet.translate_destination(Protocol::tcp(++port), to));
    benchmark::ClobberMemory();
  }
  state.counters["allocs/packet"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(state.iterations());
}
BENCHMARK(parse_and_translate)->Arg(4)->Arg(6);

void checksums_from_scratch(benchmark::State& state) {
  auto bytes = tcp_packet(state.range(0) == 4);
  auto parsed = IpPacket::parse(bytes);
  auto& packet = *std::get_if<IpPacket>(&parsed);
  while (state.KeepRunning()) {
    packet.write_checksums();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(checksums_from_scratch)->Arg(4)->Arg(6);

}  // namespace
}  // namespace connlib

BENCHMARK_MAIN();
