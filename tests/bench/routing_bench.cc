// What one packet costs in the tables of a client and a gateway: its resource among a thousand, its
// NAT session and its flow among ten thousand.
#include <array>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/nat/gateway_nat.h"
#include "connlib/routing/connection_tracker.h"
#include "connlib/routing/route_table.h"
#include "tests/bench/allocation_counter.h"

namespace connlib {
namespace {

constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
constexpr uint32_t kResources = 1'000;
constexpr uint32_t kFlows = 10'000;

// report() adds what a packet allocated to the counters.
class Allocations {
 public:
  explicit Allocations(benchmark::State& state) : state_(state) {}
  void report() {
    state_.counters["allocs/packet"] = static_cast<double>(bench::allocations() - before_) /
                                       static_cast<double>(state_.iterations());
  }

 private:
  benchmark::State& state_;
  uint64_t before_ = bench::allocations();
};

IpAddress v4(uint32_t value) {
  Ipv4Address out;
  store_be32(out.bytes.data(), value);
  return out;
}

// A thousand networks with three filters each.
void fill(routing::RouteTable& table) {
  const std::vector<Filter> filters{{Filter::Protocol::kTcp, 80, 80},
                                    {Filter::Protocol::kTcp, 443, 443},
                                    {Filter::Protocol::kUdp, 8000, 9000}};
  for (uint32_t i = 0; i < kResources; ++i) {
    const ResourceId id("3f1a2b4c-0000-4000-8000-" + std::to_string(100'000'000'000 + i));
    table.set_filters(id, filters);
    const auto network = IpPrefix::of(v4(0x0a000000 + (i << 8)), 24);
    CONNLIB_CHECK(network && table.add_route(*network, id));
  }
}

// `spread` different addresses: a thousand fit the cache, more do not.
void find_route(benchmark::State& state) {
  routing::RouteTable table;
  fill(table);
  const auto spread = static_cast<uint32_t>(state.range(0));
  uint32_t i = 0;
  Allocations allocations(state);
  while (state.KeepRunning()) {
    i = (i + 7919) % spread;
    const auto match =
        table.find(v4(0x0a000000 + (i % kResources << 8) + i / kResources), Protocol::tcp(443));
    CONNLIB_CHECK(match && match->is_permitted);
  }
  allocations.report();
}
BENCHMARK(find_route)->Arg(10)->Arg(500)->Arg(200'000);

std::vector<uint8_t> udp_packet(uint32_t from, uint32_t to, uint16_t source, uint16_t port) {
  std::vector<uint8_t> packet(1200, 0x5a);
  packet[0] = 0x45;
  store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
  store_be16(&packet[6], 0x4000);
  packet[9] = kProtocolUdp;
  store_be32(&packet[12], from);
  store_be32(&packet[16], to);
  store_be16(&packet[20], source);
  store_be16(&packet[22], port);
  store_be16(&packet[24], static_cast<uint16_t>(packet.size() - 20));
  return packet;
}

constexpr uint32_t kClient = 0x64400005;
constexpr uint32_t kProxy = 0x64600001;
constexpr uint32_t kReal = 0xcb007107;

// Flow `i` of ten thousand: four proxies, 2500 ports.
uint32_t proxy_of(uint32_t i) { return kProxy + i % 4; }
uint16_t port_of(uint32_t i) { return static_cast<uint16_t>(10'000 + i / 4); }

void install(nat::GatewayNat& nat) {
  const std::array proxies{v4(kProxy), v4(kProxy + 1), v4(kProxy + 2), v4(kProxy + 3)};
  const std::array real{v4(kReal), v4(kReal + 1), v4(kReal + 2), v4(kReal + 3)};
  nat.install("a.example", proxies, real);
  for (uint32_t i = 0; i < kFlows; ++i) {
    auto bytes = udp_packet(kClient, proxy_of(i), port_of(i), 443);
    auto parsed = IpPacket::parse(bytes);
    const auto out = nat.translate_outbound(*std::get_if<IpPacket>(&parsed), kStart);
    CONNLIB_CHECK(out == nat::GatewayNat::Outbound::kTranslated);
  }
  CONNLIB_CHECK(nat.sessions().size() == kFlows);
}

// Parsing and writing the header are part of it; they cost what ip_packet_bench says.
void nat_outbound(benchmark::State& state) {
  nat::GatewayNat nat(kStart);
  install(nat);
  auto bytes = udp_packet(kClient, kProxy, 10'000, 443);
  uint32_t i = 0;
  Timestamp now = kStart;
  Allocations allocations(state);
  while (state.KeepRunning()) {
    i = (i + 7919) % kFlows;
    now += Duration(1us);
    store_be32(&bytes[16], proxy_of(i));
    store_be16(&bytes[20], port_of(i));
    auto parsed = IpPacket::parse(bytes);
    const auto out = nat.translate_outbound(*std::get_if<IpPacket>(&parsed), now);
    CONNLIB_CHECK(out == nat::GatewayNat::Outbound::kTranslated);
    if ((i & 1023) == 0) nat.handle_timeout(now);
  }
  allocations.report();
}
BENCHMARK(nat_outbound);

void nat_inbound(benchmark::State& state) {
  nat::GatewayNat nat(kStart);
  install(nat);
  auto bytes = udp_packet(kReal, kClient, 443, 10'000);
  std::array<uint8_t, IpPacket::kMaxBytes> scratch{};
  uint32_t i = 0;
  Timestamp now = kStart;
  Allocations allocations(state);
  while (state.KeepRunning()) {
    i = (i + 7919) % kFlows;
    now += Duration(1us);
    store_be32(&bytes[12], kReal + i % 4);
    store_be16(&bytes[22], port_of(i));
    auto parsed = IpPacket::parse(bytes);
    const auto in = nat.translate_inbound(*std::get_if<IpPacket>(&parsed), now, scratch);
    CONNLIB_CHECK(std::holds_alternative<std::span<uint8_t>>(in));
  }
  allocations.report();
}
BENCHMARK(nat_inbound);

void track_flow(benchmark::State& state) {
  routing::ConnectionTracker tracker(kStart, kFlows);
  const auto flow = [](uint32_t i) {
    return routing::FlowKey{Protocol::udp(port_of(i)), Protocol::udp(443), v4(kClient),
                            v4(kClient + 1 + i % 4)};
  };
  for (uint32_t i = 0; i < kFlows; ++i) tracker.note_ours(flow(i), kStart);
  uint32_t i = 0;
  Allocations allocations(state);
  while (state.KeepRunning()) {
    i = (i + 7919) % kFlows;
    CONNLIB_CHECK(tracker.note_return(flow(i), kStart + 1s));
  }
  allocations.report();
}
BENCHMARK(track_flow);

}  // namespace
}  // namespace connlib

BENCHMARK_MAIN();
