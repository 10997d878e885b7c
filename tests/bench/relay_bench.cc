// Cost of the relay's packet path without its system calls, and memory per allocation.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/check.h"
#include "snownet/relay/test_relay.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::snownet::relay::testing {
namespace {

constexpr uint16_t kChannel = 0x4001;
constexpr size_t kAllocations = 10'000;

ServerOptions many_clients() {
  ServerOptions options = dual_stack();
  options.limits.allocations_per_user = kAllocations;
  return options;
}

// Every client has an address of its own, and one channel to the same peer.
SocketAddress client_address(size_t number) {
  return {Ipv4Address{{198, 41, static_cast<uint8_t>(number / 250),
                       static_cast<uint8_t>(number % 250 + 1)}},
          40'000};
}

// Relay has `count` clients with an allocation, and a channel if wanted.
struct Relay {
  explicit Relay(size_t count, bool has_channels) {
    for (size_t i = 0; i < count; ++i) {
      TestClient client(relay, client_address(i));
      const auto reply = client.allocate();
      CONNLIB_CHECK(reply.has_value() && reply->code() == 0);
      ports.push_back(relayed_port(*reply));
      if (!has_channels) continue;
      const auto bound = client.bind(kChannel, kPeer);
      CONNLIB_CHECK(bound.has_value() && bound->code() == 0);
    }
  }
  TestRelay relay{many_clients()};
  std::vector<uint16_t> ports;
};

// What the packets pass through: made once, for that takes longer than the measurement.
Relay& busy_relay() {
  static Relay relay(kAllocations, true);
  return relay;
}

std::vector<uint8_t> frames(size_t payload_bytes, size_t count) {
  std::vector<uint8_t> run;
  for (size_t i = 0; i < count; ++i) {
    std::vector<uint8_t> frame(stun::kChannelDataHeaderBytes + payload_bytes, 0x5a);
    stun::write_channel_data_header(std::span(frame).first<stun::kChannelDataHeaderBytes>(),
                                    stun::ChannelNumber(kChannel), payload_bytes);
    run.insert(run.end(), frame.begin(), frame.end());
  }
  return run;
}

// Counts operator new from construction to report().
class AllocationWatch {
 public:
  void report(benchmark::State& state, uint64_t packets) const {
    state.counters["allocs/packet"] =
        static_cast<double>(bench::allocations() - before_) / static_cast<double>(packets);
  }

 private:
  uint64_t before_ = bench::allocations();
};

// Runs of `segments` frames, of each client in turn.
void to_peer(benchmark::State& state, size_t payload_bytes, size_t segments) {
  Relay& world = busy_relay();
  const auto run = frames(payload_bytes, segments);
  const AllocationWatch watch;
  size_t turn = 0;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(segments))) {
    const auto answer =
        world.relay.server.handle_client_run(world.relay.now, client_address(turn++ % kAllocations),
                                             run, payload_bytes + stun::kChannelDataHeaderBytes);
    const auto* out = std::get_if<ToPeer>(&answer.outcome);
    CONNLIB_CHECK(out != nullptr && answer.datagrams == segments);
    for_each_payload(*out, [](auto payload) { benchmark::DoNotOptimize(payload.data()); });
  }
  watch.report(state, turn * segments);
}

void to_client(benchmark::State& state, size_t payload_bytes, size_t segments) {
  Relay& world = busy_relay();
  const std::vector<uint8_t> run(payload_bytes * segments, 0x5a);
  const AllocationWatch watch;
  size_t turn = 0;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(segments))) {
    const auto answer = world.relay.server.handle_peer_run(
        world.relay.now, world.ports[turn++ % kAllocations], kPeer, run, payload_bytes);
    CONNLIB_CHECK(std::holds_alternative<ToClient>(answer));
    benchmark::DoNotOptimize(&answer);
  }
  watch.report(state, turn * segments);
}

void memory(benchmark::State& state) {
  while (state.KeepRunning()) {
    const int64_t before = bench::live_bytes();
    const Relay empty(0, false);
    const int64_t alone = bench::live_bytes();
    const Relay plain(kAllocations, false);
    const int64_t with_allocations = bench::live_bytes();
    const Relay bound(kAllocations, true);
    const int64_t with_channels = bench::live_bytes();
    const auto each = [&](int64_t bytes) {
      return static_cast<double>(bytes - (alone - before)) / static_cast<double>(kAllocations);
    };
    state.counters["allocations"] = static_cast<double>(kAllocations);
    state.counters["allocation_bytes"] = each(with_allocations - alone);
    state.counters["bound_bytes"] = each(with_channels - with_allocations);
  }
}

}  // namespace
}  // namespace connlib::snownet::relay::testing

int main(int argc, char** argv) {
  using namespace connlib;  // NOLINT(google-build-using-namespace): main() has nothing else.
  namespace relay = snownet::relay::testing;
  if (!bench::count_openssl_too()) return EXIT_FAILURE;
  for (const size_t payload : {size_t{1200}, size_t{172}}) {
    for (const size_t segments : {size_t{1}, size_t{50}}) {
      const std::string what =
          (segments == 1 ? "single, " : "runs of 50, ") + std::to_string(payload);
      benchmark::RegisterBenchmark(("relay, to peer: " + what + " B").c_str(), relay::to_peer,
                                   payload, segments);
      benchmark::RegisterBenchmark(("relay, to client: " + what + " B").c_str(), relay::to_client,
                                   payload, segments);
    }
  }
  benchmark::RegisterBenchmark("relay_memory", relay::memory)->Iterations(1);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
