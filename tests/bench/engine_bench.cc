// Cost of the whole packet path of connlib-wg without its system calls: TUN -> UDP -> TUN, two
// engines in memory.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/base/trace.h"
#include "connlib/packet/checksum.h"
#include "connlib/packet/protocol.h"
#include "shells/wg/engine.h"
#include "tests/bench/allocation_counter.h"

namespace connlib::wg {
namespace {

constexpr size_t kHeaders = 52;  // IPv4, TCP with timestamps.
const Timestamp kNow = Timestamp::from_nanoseconds(7'777'777'777);

// End is one of two hosts, 10.0.0.<number> behind 192.0.2.<number>:51820.
struct End {
  explicit End(uint8_t number_in)
      : number(number_in),
        random(number),
        engine({}, kNow, absl::FromUnixSeconds(1'700'000'000), random, null_tracer()) {
    SetRequest request;
    request.private_key = private_key();
    CONNLIB_CHECK(engine.apply(kNow, request) == 0);
  }
  KeyBytes private_key() const {
    KeyBytes key;
    std::ranges::fill(key.mutable_bytes(), number);
    return key;
  }
  SocketAddress address() const { return {Ipv4Address{{192, 0, 2, number}}, 51820}; }
  void add_peer(const End& other) {
    SetRequest request;
    SetPeer& peer = request.peers.emplace_back();
    peer.public_key = wireguard::DhKey(other.private_key()).public_key();
    peer.endpoint = other.address();
    peer.allowed_ips.push_back({IpPrefix::parse("0.0.0.0/0").value()});
    CONNLIB_CHECK(engine.apply(kNow, request) == 0);
  }

  uint8_t number;
  SeededRandom random;
  Engine engine;
};

// Wire carries datagrams between two engines, each through a receive buffer as a socket would.
class Wire {
 public:
  Wire() {
    a.add_peer(b);
    b.add_peer(a);
    for (auto& buffer : buffers_) buffer.resize(DatagramRun::kCapacity);
  }

  // send() gives `packets` to a's TUN and returns how many writes reached b's.
  size_t send(std::span<const SuperPacket> packets) {
    for (const SuperPacket& packet : packets) {
      for (size_t done = 0; done < packet.segments();) {
        done = a.engine.handle_packet(kNow, packet, done);
        if (done < packet.segments()) carry(a, b);
      }
    }
    return carry(a, b);
  }

  // One batch, as the sockets hand them over.
  size_t carry(End& from, End& to) {
    size_t writes = 0;
    const auto count = [&](const Coalescer::Group& group) {
      benchmark::DoNotOptimize(group.parts.data());
      ++writes;
    };
    static_cast<void>(from.engine.pump(kNow));
    const auto runs = from.engine.outgoing().ready();
    CONNLIB_CHECK(runs.size() <= buffers_.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      const auto bytes = runs[i].bytes();
      std::copy(bytes.begin(), bytes.end(), buffers_[i].begin());
      to.engine.handle_datagrams(kNow, from.address(), Ecn::kNotEct,
                                 std::span(buffers_[i]).first(bytes.size()),
                                 runs[i].segment_bytes(), count);
    }
    from.engine.outgoing().drop_front(runs.size());
    to.engine.flush_groups(count);
    benchmark::DoNotOptimize(from.engine.poll_timeout());
    return writes;
  }

  End a{1};
  End b{2};

 private:
  std::array<std::vector<uint8_t>, 32> buffers_;
};

std::vector<uint8_t> tcp_packet(size_t bytes) {
  std::vector<uint8_t> packet(bytes, 0x5a);
  std::fill_n(packet.begin(), kHeaders, uint8_t{0});
  packet[0] = 0x45;
  store_be16(&packet[2], static_cast<uint16_t>(bytes));
  packet[6] = 0x40;
  packet[8] = 64;
  packet[9] = kProtocolTcp;
  packet[12] = packet[16] = 10;
  packet[15] = 1;
  packet[19] = 2;
  packet[32] = 0x80;
  packet[33] = 0x10;
  std::fill_n(packet.begin() + 40, 12, uint8_t{1});
  // As the kernel leaves it: the field holds the sum of the pseudo-header.
  ChecksumSum pseudo;
  pseudo.add_pseudo_header(packet, kProtocolTcp, static_cast<uint32_t>(bytes - 20));
  store_be16(&packet[36], pseudo.folded());
  return packet;
}

void connect(Wire& wire, std::span<const SuperPacket> packets) {
  for (int i = 0; i < 4; ++i) {
    wire.send(packets.first(1));
    wire.carry(wire.b, wire.a);
  }
}

// `count` packets from the TUN per batch, each of `segments` times `mss` bytes of payload.
void engine(benchmark::State& state, size_t mss, size_t segments, size_t count) {
  const auto bytes = tcp_packet(kHeaders + mss * segments);
  const OffloadInfo info{.gso = segments > 1 ? Gso::kTcp4 : Gso::kNone,
                         .segment_bytes = static_cast<uint16_t>(mss),
                         .header_bytes = kHeaders,
                         .needs_checksum = true,
                         .checksum_start = 20,
                         .checksum_offset = 16};
  const std::vector<SuperPacket> packets(count, SuperPacket::parse(info, bytes).value());
  Wire wire;
  connect(wire, packets);
  CONNLIB_CHECK(wire.send(packets) > 0);
  const uint64_t before = bench::allocations();
  uint64_t carried = 0;
  while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(segments * count))) {
    CONNLIB_CHECK(wire.send(packets) > 0);
    carried += segments * count;
  }
  state.counters["allocs/packet"] =
      static_cast<double>(bench::allocations() - before) / static_cast<double>(carried);
}
}  // namespace
}  // namespace connlib::wg

int main(int argc, char** argv) {
  using namespace connlib;  // NOLINT(google-build-using-namespace): main() has nothing else.
  if (!bench::count_openssl_too()) return EXIT_FAILURE;
  benchmark::RegisterBenchmark("engine: super-packets of 45 x 1420 B", wg::engine, 1368, 45, 1);
  benchmark::RegisterBenchmark("engine: single packets of 1420 B", wg::engine, 1368, 1, 32);
  benchmark::RegisterBenchmark("engine: single packets of 100 B", wg::engine, 48, 1, 32);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
