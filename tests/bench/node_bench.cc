// What the node costs: per packet, beside the bare WireGuard layer in the same run; of 10,000 idle
// connections, memory and CPU time; and how long a connection takes to come up.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/check.h"
#include "tests/bench/allocation_counter.h"
#include "tests/bench/node_hub.h"
#include "tests/bench/ratio_reporter.h"
#include "wireguard/tunnel/pair.h"

namespace connlib::bench {
namespace {

using snownet::node::Delivered;
using snownet::node::Encapsulated;
using snownet::node::OutboundRoute;
using wireguard::testing::Pair;

constexpr size_t kBatch = 45;  // Datagrams of one TSO super-packet.

// --- Per packet. All of them copy a packet into a run, as a shell does, or open a received run.

void set_allocations(benchmark::State& state, uint64_t allocated, uint64_t packets) {
  state.counters["allocs/packet"] = static_cast<double>(allocated) / static_cast<double>(packets);
}

void wireguard_encapsulate(benchmark::State& state) {
  Pair pair;
  pair.connect(pair.a);
  const auto packet = wireguard::testing::ipv4_packet(static_cast<size_t>(state.range(0)));
  DatagramRun run;
  const uint64_t before = allocations();
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    run.start(pair.b.address, Ecn::kNotEct);
    for (size_t i = 0; i < kBatch; ++i) {
      const auto room = run.reserve(pair.a.device.sealed_bytes(pair.a.peer, packet.size()));
      std::copy(packet.begin(), packet.end(), room.subspan(wireguard::kDataHeaderBytes).begin());
      CONNLIB_CHECK(pair.a.device.seal(pair.now, pair.a.peer, room, packet.size()));
      run.commit();
    }
    benchmark::DoNotOptimize(pair.a.device.poll_timeout());
    packets += kBatch;
  }
  set_allocations(state, allocations() - before, packets);
}

void establish(Hub& hub, bool is_direct) {
  hub.connect(0);
  hub.run_until_established(5s);
  hub.run_for(2s);
  const auto kind = hub.node().path_kind(Hub::peer(0));
  CONNLIB_CHECK(snownet::node::is_local_relayed(*kind) != is_direct);
}

// One packet at a time.
void node_encapsulate(benchmark::State& state, bool is_direct) {
  Hub hub({.is_direct = is_direct});
  establish(hub, is_direct);
  const auto packet = wireguard::testing::ipv4_packet(static_cast<size_t>(state.range(0)));
  DatagramRun run;
  const uint64_t before = allocations();
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    run.clear();
    for (size_t i = 0; i < kBatch; ++i) {
      const auto outcome = hub.node().encapsulate(hub.now(), Hub::peer(0), packet, run);
      CONNLIB_CHECK(std::get<Encapsulated>(outcome) == Encapsulated::kSealed);
    }
    benchmark::DoNotOptimize(hub.node().poll_timeout());
    packets += kBatch;
  }
  set_allocations(state, allocations() - before, packets);
}

// A run at a time: the route is looked up once.
void node_seal_run(benchmark::State& state, bool is_direct) {
  Hub hub({.is_direct = is_direct});
  establish(hub, is_direct);
  const auto packet = wireguard::testing::ipv4_packet(static_cast<size_t>(state.range(0)));
  DatagramRun run;
  const uint64_t before = allocations();
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    const auto opened = hub.node().open_run(hub.now(), Hub::peer(0));
    const auto& route = std::get<OutboundRoute>(opened);
    run.start(route.remote(), Ecn::kNotEct, route.source_ip());
    for (size_t i = 0; i < kBatch; ++i) {
      const auto room = run.reserve(hub.node().datagram_bytes(route, packet.size()));
      std::copy(packet.begin(), packet.end(), room.subspan(route.packet_offset()).begin());
      CONNLIB_CHECK(hub.node().seal(hub.now(), route, room, packet.size()));
      run.commit();
    }
    benchmark::DoNotOptimize(hub.node().poll_timeout());
    packets += kBatch;
  }
  set_allocations(state, allocations() - before, packets);
}

// Fills `datagrams` back to back, each behind `header`.
void seal_all(wireguard::Device& device, wireguard::PeerId peer, Timestamp now,
              std::span<const uint8_t> packet, std::span<const uint8_t> header,
              std::vector<uint8_t>& datagrams) {
  const size_t sealed = device.sealed_bytes(peer, packet.size());
  datagrams.resize(kBatch * (header.size() + sealed));
  for (std::span<uint8_t> rest(datagrams); !rest.empty();) {
    const auto datagram = rest.first(header.size() + sealed);
    rest = rest.subspan(datagram.size());
    std::copy(header.begin(), header.end(), datagram.begin());
    const auto message = datagram.subspan(header.size());
    std::copy(packet.begin(), packet.end(), message.subspan(wireguard::kDataHeaderBytes).begin());
    CONNLIB_CHECK(device.seal(now, peer, message, packet.size()));
  }
}

void wireguard_handle(benchmark::State& state) {
  Pair pair;
  pair.connect(pair.a);
  const auto packet = wireguard::testing::ipv4_packet(static_cast<size_t>(state.range(0)));
  std::vector<uint8_t> datagrams;
  uint64_t allocated = 0;
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    seal_all(pair.a.device, pair.a.peer, pair.now, packet, {}, datagrams);
    const uint64_t before = allocations();
    state.ResumeTiming();
    for_each_segment(datagrams, datagrams.size() / kBatch, [&](std::span<uint8_t> datagram) {
      const auto inbound = pair.b.device.handle_datagram(pair.now, pair.a.address, datagram);
      CONNLIB_CHECK(std::holds_alternative<wireguard::Delivered>(inbound));
    });
    benchmark::DoNotOptimize(pair.b.device.poll_timeout());
    allocated += allocations() - before;
    packets += kBatch;
  }
  set_allocations(state, allocated, packets);
}

void node_handle(benchmark::State& state, bool is_direct) {
  Hub hub({.is_direct = is_direct});
  establish(hub, is_direct);
  const auto packet = wireguard::testing::ipv4_packet(static_cast<size_t>(state.range(0)));
  Spoke& spoke = hub.spoke(0);
  std::vector<uint8_t> header;
  if (!is_direct) {  // Which channel it is shows in what we send there.
    DatagramRun run;
    const auto outcome = hub.node().encapsulate(hub.now(), Hub::peer(0), packet, run);
    CONNLIB_CHECK(std::get<Encapsulated>(outcome) == Encapsulated::kSealed);
    header.assign(run.bytes().begin(),
                  run.bytes().begin() + snownet::stun::kChannelDataHeaderBytes);
  }
  const SocketAddress from = is_direct ? spoke.mapped : Hub::relay_socket();
  std::vector<uint8_t> datagrams;
  uint64_t allocated = 0;
  uint64_t packets = 0;
  uint64_t delivered = 0;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    seal_all(spoke.device, spoke.tunnel, hub.now(), packet, header, datagrams);
    const uint64_t before = allocations();
    state.ResumeTiming();
    hub.node().handle_datagrams(hub.now(), hub.local(), from, datagrams.size() / kBatch, datagrams,
                                [&](const Delivered&) { ++delivered; });
    benchmark::DoNotOptimize(hub.node().poll_timeout());
    allocated += allocations() - before;
    packets += kBatch;
  }
  CONNLIB_CHECK(delivered == packets);
  set_allocations(state, allocated, packets);
}

// --- Connections.

// In round trips between the ends, of which the portal's way takes half of one.
void upsert_to_established(benchmark::State& state) {
  while (state.KeepRunning()) continue;
  for (const bool is_controlling : {true, false}) {
    Hub hub({.is_controlling = is_controlling});
    const Timestamp began = hub.now();
    hub.connect(0);
    hub.run_until_established(5s);
    const auto took = hub.last_established_at() - began;
    state.counters[is_controlling ? "client_round_trips" : "gateway_round_trips"] =
        static_cast<double>(took.count()) / static_cast<double>((2 * Hub::kLatency).count());
  }
}

void idle(benchmark::State& state) {
  constexpr uint32_t kCount = 10'000;
  constexpr Duration kSpan = 200s;  // Eight checks per pair, and a renewal of every session.
  while (state.KeepRunning()) continue;
  int64_t empty = 0;
  {
    Hub hub({});
    hub.run_for(1min);
    empty = hub.release();
  }
  Hub hub({});
  for (uint32_t number = 0; number < kCount; ++number) {
    hub.connect(number);
    if (number % 100 == 99) hub.run_for(Hub::kLatency);
  }
  hub.run_until_established(10s);
  hub.run_for(1min);
  const Duration cpu_before = hub.cpu_time();
  const uint64_t wakeups_before = hub.wakeups();
  hub.run_for(kSpan);
  const auto seconds = static_cast<double>(kSpan / 1s);
  const auto cpu = static_cast<double>((hub.cpu_time() - cpu_before).count()) * 1e-9;
  state.counters["wakeups_per_second"] =
      static_cast<double>(hub.wakeups() - wakeups_before) / seconds;
  state.counters["cpu_percent"] = cpu / seconds * 100;
  const int64_t bytes = hub.release() - empty;
  state.counters["connections"] = kCount;
  state.counters["bytes_per_connection"] = static_cast<double>(bytes) / kCount;
  state.counters["mebibytes"] = static_cast<double>(bytes) / (1024.0 * 1024.0);
}

// --- The program.

constexpr std::array<int64_t, 3> kSizes = {64, 576, 1280};

void add(const std::string& name, const std::function<void(benchmark::State&)>& run) {
  auto* one = benchmark::RegisterBenchmark(name.c_str(), run);
  one->Repetitions(7)->ReportAggregatesOnly()->UseRealTime()->MinTime(0.05);
  for (const int64_t size : kSizes) one->Arg(size);
}

void print_ratios(const RatioReporter& reporter) {
  std::puts("\nnode / bare WireGuard layer, medians of this run (bar: 1.15):");
  for (const auto& [what, bare] : {std::pair("node_encapsulate", "wireguard_encapsulate"),
                                   std::pair("node_seal_run", "wireguard_encapsulate"),
                                   std::pair("node_handle", "wireguard_handle")}) {
    for (const char* path : {"direct", "channel"}) {
      for (const int64_t size : kSizes) {
        const std::string suffix =
            "/" + std::to_string(size) + "/min_time:0.050/repeats:7/real_time";
        reporter.print(std::string(what) + " " + path + " " + std::to_string(size) + " bytes",
                       std::string(what) + "_" + path + suffix, bare + suffix);
      }
    }
  }
}

}  // namespace
}  // namespace connlib::bench

int main(int argc, char** argv) {
  using namespace connlib::bench;  // NOLINT(google-build-using-namespace): nothing else is here.
  if (!count_openssl_too()) return EXIT_FAILURE;
  add("wireguard_encapsulate", wireguard_encapsulate);
  add("wireguard_handle", wireguard_handle);
  for (const bool is_direct : {true, false}) {
    const std::string path = is_direct ? "_direct" : "_channel";
    add("node_encapsulate" + path, [=](auto& state) { node_encapsulate(state, is_direct); });
    add("node_seal_run" + path, [=](auto& state) { node_seal_run(state, is_direct); });
    add("node_handle" + path, [=](auto& state) { node_handle(state, is_direct); });
  }
  benchmark::RegisterBenchmark("upsert_to_established", upsert_to_established)->Iterations(1);
  benchmark::RegisterBenchmark("idle_connections", idle)->Iterations(1);
  benchmark::Initialize(&argc, argv);
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  print_ratios(reporter);
}
