// Cost of the WireGuard layer beside the bare AEAD of OpenSSL, in one run.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "connlib/base/check.h"
#include "tests/bench/allocation_counter.h"
#include "tests/bench/ratio_reporter.h"
#include "wireguard/tunnel/pair.h"

namespace connlib::wireguard {
namespace {

using testing::ipv4_packet;
using testing::Pair;

constexpr size_t kBatch = 45;  // Datagrams of one TSO super-packet.

// The bare AEAD, as lean as OpenSSL allows: keyed once, a fresh nonce per packet.
class BareAead {
 public:
  explicit BareAead(int encrypts) : context_(EVP_CIPHER_CTX_new()) {
    std::array<uint8_t, 32> key{1, 2, 3};
    EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
    CONNLIB_CHECK(EVP_CipherInit_ex2(context_, cipher, key.data(), nullptr, encrypts, nullptr) ==
                  1);
  }
  BareAead(const BareAead&) = delete;
  BareAead& operator=(const BareAead&) = delete;
  ~BareAead() { EVP_CIPHER_CTX_free(context_); }

  void seal(uint64_t counter, std::span<uint8_t> buffer) {
    int n = 0;
    const auto text = buffer.first(buffer.size() - kTagBytes);
    start(counter);
    CONNLIB_CHECK(EVP_CipherUpdate(context_, text.data(), &n, text.data(),
                                   static_cast<int>(text.size())) == 1);
    CONNLIB_CHECK(EVP_CipherFinal_ex(context_, nullptr, &n) == 1);
    CONNLIB_CHECK(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_GET_TAG, int{kTagBytes},
                                      buffer.data() + text.size()) == 1);
  }
  void open(uint64_t counter, std::span<uint8_t> buffer) {
    int n = 0;
    const auto text = buffer.first(buffer.size() - kTagBytes);
    start(counter);
    CONNLIB_CHECK(EVP_CIPHER_CTX_ctrl(context_, EVP_CTRL_AEAD_SET_TAG, int{kTagBytes},
                                      buffer.data() + text.size()) == 1);
    CONNLIB_CHECK(EVP_CipherUpdate(context_, text.data(), &n, text.data(),
                                   static_cast<int>(text.size())) == 1);
    CONNLIB_CHECK(EVP_CipherFinal_ex(context_, nullptr, &n) == 1);
  }

 private:
  void start(uint64_t counter) {
    std::array<uint8_t, 12> nonce{};
    std::memcpy(nonce.data() + 4, &counter, sizeof counter);
    CONNLIB_CHECK(EVP_CipherInit_ex2(context_, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  }
  EVP_CIPHER_CTX* context_;
};

using Datagrams = std::vector<std::vector<uint8_t>>;

void bare_seal(benchmark::State& state) {
  BareAead aead(1);
  Datagrams buffers(kBatch, std::vector<uint8_t>(static_cast<size_t>(state.range(0)) + kTagBytes));
  uint64_t counter = 0;
  while (state.KeepRunningBatch(kBatch)) {
    for (auto& buffer : buffers) aead.seal(counter++, buffer);
  }
}

void bare_open(benchmark::State& state) {
  BareAead sealing(1);
  BareAead opening(0);
  Datagrams buffers(kBatch, std::vector<uint8_t>(static_cast<size_t>(state.range(0)) + kTagBytes));
  uint64_t counter = 0;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (size_t i = 0; i < kBatch; ++i) sealing.seal(counter + i, buffers[i]);
    state.ResumeTiming();
    for (auto& buffer : buffers) opening.open(counter++, buffer);
  }
}

// All of the device: session choice, counters, timers, padding, index table, replay window.
void device_seal(benchmark::State& state) {
  Pair pair;
  pair.connect(pair.a);
  const auto packet_bytes = static_cast<size_t>(state.range(0));
  Datagrams buffers(kBatch,
                    std::vector<uint8_t>(pair.a.device.sealed_bytes(pair.a.peer, packet_bytes)));
  pair.a.device.poll_timeout();
  const uint64_t before = bench::allocations();
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    for (auto& buffer : buffers) {
      CONNLIB_CHECK(pair.a.device.seal(pair.now, pair.a.peer, buffer, packet_bytes));
    }
    benchmark::DoNotOptimize(pair.a.device.poll_timeout());
    packets += kBatch;
  }
  state.counters["allocs/packet"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(packets);
}

void device_open(benchmark::State& state) {
  Pair pair;
  pair.connect(pair.a);
  const auto packet = ipv4_packet(static_cast<size_t>(state.range(0)));
  Datagrams buffers(kBatch,
                    std::vector<uint8_t>(pair.a.device.sealed_bytes(pair.a.peer, packet.size())));
  uint64_t allocated = 0;
  uint64_t packets = 0;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (auto& buffer : buffers) {
      std::copy(packet.begin(), packet.end(), buffer.begin() + kDataHeaderBytes);
      CONNLIB_CHECK(pair.a.device.seal(pair.now, pair.a.peer, buffer, packet.size()));
    }
    pair.a.device.poll_timeout();
    const uint64_t before = bench::allocations();
    state.ResumeTiming();
    for (auto& buffer : buffers) {
      const auto result = pair.b.device.handle_datagram(pair.now, pair.a.address, buffer);
      CONNLIB_CHECK(std::holds_alternative<Delivered>(result));
    }
    benchmark::DoNotOptimize(pair.b.device.poll_timeout());
    allocated += bench::allocations() - before;
    packets += kBatch;
  }
  state.counters["allocs/packet"] = static_cast<double>(allocated) / static_cast<double>(packets);
}

// One whole handshake, both roles on this core: initiation, response, confirmation.
void handshake(benchmark::State& state) {
  DeviceOptions options;
  options.limits.per_node = options.limits.per_source = ~0u;
  Pair pair(1, {}, options);
  while (state.KeepRunning()) {
    pair.now += 1s;
    pair.a.device.start_handshake(pair.now, pair.a.peer);
    auto initiation = pair.a.device.poll_transmit();
    pair.b.device.handle_datagram(pair.now, pair.a.address, initiation->datagram.bytes());
    auto response = pair.b.device.poll_transmit();
    pair.a.device.handle_datagram(pair.now, pair.b.address, response->datagram.bytes());
    auto confirmation = pair.a.device.poll_transmit();
    CONNLIB_CHECK(confirmation.has_value());
    pair.b.device.handle_datagram(pair.now, pair.a.address, confirmation->datagram.bytes());
    while (pair.a.device.poll_event()) {
    }
    while (pair.b.device.poll_event()) {
    }
  }
}

// Not a time: bytes per peer of one device, configured and with a session.
void memory(benchmark::State& state) {
  constexpr size_t kCount = 10'000;
  while (state.KeepRunning()) {
  }
  SeededRandom random(5);
  DeviceOptions options;
  options.limits.per_node = options.limits.per_source = ~0u;
  Timestamp now = testing::kStart;
  Device hub(PrivateKey(random.bytes<32>()), options, now, absl::FromUnixSeconds(1), random,
             null_tracer());
  std::vector<PrivateKey> keys;
  keys.reserve(kCount);
  std::vector<PublicKey> publics;
  for (size_t i = 0; i < kCount; ++i) {
    keys.emplace_back(random.bytes<32>());
    publics.push_back(DhKey(keys.back()).public_key());
  }
  const int64_t empty = bench::live_bytes();
  for (const PublicKey& key : publics) CONNLIB_CHECK(hub.add_peer(now, key, {}, {}).ok());
  const int64_t configured = bench::live_bytes();
  const SocketAddress source{Ipv4Address{{192, 0, 2, 1}}, 1};
  for (PrivateKey& key : keys) {
    Device spoke(key, {}, now, absl::FromUnixSeconds(1), random, null_tracer());
    const auto peer = spoke.add_peer(now, hub.public_key(), {}, {});
    spoke.start_handshake(now, *peer);
    auto initiation = spoke.poll_transmit();
    hub.handle_datagram(now, source, initiation->datagram.bytes());
    auto response = hub.poll_transmit();
    spoke.handle_datagram(now, source, response->datagram.bytes());
    auto confirmation = spoke.poll_transmit();
    hub.handle_datagram(now, source, confirmation->datagram.bytes());
    while (hub.poll_event()) {
    }
  }
  const int64_t connected = bench::live_bytes();
  const auto per_peer = [](int64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(kCount);
  };
  state.counters["peers"] = static_cast<double>(kCount);
  state.counters["configured_bytes"] = per_peer(configured - empty);
  state.counters["session_bytes"] = per_peer(connected - empty);
}

}  // namespace
}  // namespace connlib::wireguard

int main(int argc, char** argv) {
  using namespace connlib;  // NOLINT(google-build-using-namespace): main() has nothing else.
  if (!bench::count_openssl_too()) return EXIT_FAILURE;
  const std::vector<int64_t> sizes = {64, 576, 1280, 1420};
  const auto add = [&sizes](const char* name, void (*run)(benchmark::State&)) {
    auto* one = benchmark::RegisterBenchmark(name, run);
    one->Repetitions(5)->ReportAggregatesOnly()->UseRealTime()->MinTime(0.1);
    for (const int64_t size : sizes) one->Arg(size);
  };
  add("openssl_seal", wireguard::bare_seal);
  add("connlib_seal", wireguard::device_seal);
  add("openssl_open", wireguard::bare_open);
  add("connlib_open", wireguard::device_open);
  benchmark::RegisterBenchmark("handshake", wireguard::handshake)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("memory", wireguard::memory)->Iterations(1);
  benchmark::Initialize(&argc, argv);
  bench::RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::puts("\nours / bare OpenSSL ChaCha20-Poly1305, medians of this run:");
  for (const char* operation : {"seal", "open"}) {
    for (const int64_t size : sizes) {
      const std::string suffix = std::string("_") + operation + "/" + std::to_string(size) +
                                 "/min_time:0.100/repeats:5/real_time";
      reporter.print(std::string(operation) + " " + std::to_string(size) + " bytes",
                     "connlib" + suffix, "openssl" + suffix);
    }
  }
}
