// What client and gateway add to their nodes per packet: finding out whose it is, judging it,
// translating it. 1,000 resources, 10,000 flows, one TCP port of each resource granted; bare nodes
// carry the same packets in the same run. Each step is timed alone, by the thread's CPU time.
#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include <benchmark/benchmark.h>
#include <time.h>

#include "connlib/base/check.h"
#include "tests/bench/allocation_counter.h"
#include "tests/bench/tunnel_ends.h"

namespace connlib::bench {
namespace {

using std::chrono::nanoseconds;

enum class Step : uint8_t { kSealUp, kOpenUp, kSealDown, kOpenDown };
using MakeEnds = std::unique_ptr<TunnelEnds> (*)();

constexpr size_t kBatch = 45;  // Packets of one TSO super-packet.

nanoseconds cpu_time() {
  timespec at{};
  CONNLIB_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at) == 0);
  return std::chrono::seconds(at.tv_sec) + nanoseconds(at.tv_nsec);
}

// Meter sums up one step over all batches.
class Meter {
 public:
  template <typename Work>
  void measure(bool is_counted, const Work& work) {
    if (!is_counted) return work();
    const uint64_t before = allocations();
    const nanoseconds start = cpu_time();
    work();
    spent_ += cpu_time() - start;
    allocated_ += allocations() - before;
  }
  nanoseconds spent() const { return spent_; }
  uint64_t allocated() const { return allocated_; }

 private:
  nanoseconds spent_{};
  uint64_t allocated_ = 0;
};

// One way of one batch: sealed at one end, opened at the other.
class Batch {
 public:
  void fill(const std::vector<std::vector<uint8_t>>& flows, size_t first) {
    for (size_t i = 0; i < kBatch; ++i) packets_[i] = flows[(first + i) % flows.size()];
    run_.clear();
  }
  std::span<uint8_t> packet(size_t i) { return packets_[i]; }
  DatagramRun& run() { return run_; }
  std::span<uint8_t> received() {
    received_.assign(run_.bytes().begin(), run_.bytes().end());
    return received_;
  }

 private:
  std::array<std::vector<uint8_t>, kBatch> packets_;
  DatagramRun run_;
  std::vector<uint8_t> received_;
};

void step(benchmark::State& state, MakeEnds make, Step which) {
  const auto ends = make();
  const bool is_up = which == Step::kSealUp || which == Step::kOpenUp;
  const bool is_seal = which == Step::kSealUp || which == Step::kSealDown;
  Meter meter;
  Batch batch;
  size_t at = 0;
  size_t delivered = 0;
  uint64_t packets = 0;
  const auto count = [&](std::span<uint8_t>) { ++delivered; };
  while (state.KeepRunningBatch(kBatch)) {
    batch.fill(is_up ? ends->up() : ends->down(), at);
    meter.measure(is_seal, [&] {
      for (size_t i = 0; i < kBatch; ++i) {
        CONNLIB_CHECK(is_up ? ends->seal_up(batch.packet(i), batch.run())
                            : ends->seal_down(batch.packet(i), batch.run()));
      }
    });
    const auto received = batch.received();
    const size_t segment_bytes = batch.run().segment_bytes();
    meter.measure(!is_seal, [&] {
      if (is_up) {
        ends->open_up(received, segment_bytes, count);
      } else {
        ends->open_down(received, segment_bytes, count);
      }
    });
    at = (at + kBatch) % TunnelEnds::kFlows;
    packets += kBatch;
  }
  CONNLIB_CHECK(delivered == packets);  // Nothing was refused.
  const auto total = static_cast<double>(packets);
  state.counters["ns/packet"] = static_cast<double>(meter.spent().count()) / total;
  state.counters["allocs/packet"] = static_cast<double>(meter.allocated()) / total;
}

void add(const char* ends, MakeEnds make) {
  const std::array<std::pair<const char*, Step>, 4> steps{{{"from_application", Step::kSealUp},
                                                           {"from_client", Step::kOpenUp},
                                                           {"from_server", Step::kSealDown},
                                                           {"from_gateway", Step::kOpenDown}}};
  for (const auto& [name, which] : steps) {
    const std::string full = std::string("tunnel/") + ends + "/" + name;
    benchmark::RegisterBenchmark(full.c_str(), step, make, which)
        ->MinTime(0.05)
        ->Repetitions(5)
        ->ReportAggregatesOnly();
  }
}

}  // namespace
}  // namespace connlib::bench

int main(int argc, char** argv) {
  using namespace connlib::bench;
  benchmark::Initialize(&argc, argv);
  CONNLIB_CHECK(count_openssl_too());
  add("nodes", bare_nodes);
  add("networks", tunnel_to_networks);
  add("names", tunnel_to_names);
  benchmark::RunSpecifiedBenchmarks();
}
