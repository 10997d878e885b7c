// What the gateway adds to its node per packet: finding the client, judging the packet, translating
// it. A client with 1,000 resources and 10,000 flows; allocations must stay at zero.
#include <string>
#include <variant>
#include <vector>

#include <benchmark/benchmark.h>

#include "connlib/base/check.h"
#include "connlib/gateway/client_table.h"
#include "tests/bench/allocation_counter.h"
#include "tests/support/packets.h"

namespace connlib::gateway {
namespace {

using connlib::testing::address;
using connlib::testing::Bytes;

constexpr size_t kResources = 1'000;
constexpr size_t kFlows = 10'000;
constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);
constexpr TunnelAddresses kOwn{{{100, 64, 0, 9}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 9}}};
constexpr TunnelAddresses kClient{{{100, 64, 0, 7}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 7}}};

struct World {
  ClientTable table{kMaxClients};
  ClientOnGateway* client = table.add(ClientId("alice"), kClient, kStart);

  explicit World(bool has_names) {
    for (size_t i = 0; i < kResources; ++i) {
      Resource resource{.id = ResourceId("resource-" + std::to_string(i)),
                        .filters = {{Filter::Protocol::kTcp, 443, 443}}};
      const auto high = static_cast<uint8_t>(i / 250);
      const auto low = static_cast<uint8_t>(i % 250);
      if (has_names) {
        resource.address = DnsAddress{"host-" + std::to_string(i) + ".example.com"};
      } else {
        resource.address = CidrAddress{*IpPrefix::of(Ipv4Address{{10, high, low, 0}}, 24)};
      }
      client->grant({.resource = resource});
      if (!has_names) continue;
      const ResolutionWaiter waiter{client->id(),
                                    resource.id,
                                    "host-" + std::to_string(i) + ".example.com",
                                    {Ipv4Address{{100, 96, high, low}}}};
      const std::vector<IpAddress> real{Ipv4Address{{10, high, low, 1}}};
      CONNLIB_CHECK(client->install(kStart, waiter, real));
    }
  }

  // One packet of each flow, from port 1024 + n to resource n.
  std::vector<Bytes> packets(bool has_names) const {
    std::vector<Bytes> out;
    for (size_t n = 0; n < kFlows; ++n) {
      const size_t i = n % kResources;
      const auto high = static_cast<uint8_t>(i / 250);
      const auto low = static_cast<uint8_t>(i % 250);
      const Ipv4Address to =
          has_names ? Ipv4Address{{100, 96, high, low}} : Ipv4Address{{10, high, low, 1}};
      out.push_back(testing::tcp_packet({kClient.v4, static_cast<uint16_t>(1024 + n)}, {to, 443},
                                        {}, Bytes(1200)));
    }
    return out;
  }
};

void judge(benchmark::State& state, bool has_names, bool is_inbound) {
  World world(has_names);
  std::vector<Bytes> packets = world.packets(has_names);
  for (Bytes& bytes : packets) {  // Sessions begin, and every packet is translated for good.
    auto parsed = IpPacket::parse(bytes);
    auto& packet = std::get<IpPacket>(parsed);
    const Admission admission = world.client->admit_outbound(kStart, kOwn, packet);
    CONNLIB_CHECK(std::holds_alternative<Admitted>(admission));
    if (is_inbound) {
      const auto from = std::get<Protocol>(packet.source_protocol());
      bytes = testing::tcp_packet({packet.destination(), 443}, {kClient.v4, from.value}, {},
                                  Bytes(1200));
    }
  }
  const std::vector<Bytes> fresh = is_inbound ? packets : world.packets(has_names);
  const uint64_t before = bench::allocations();
  size_t n = 0;
  Bytes work = fresh[0];
  for (auto _ : state) {  // NOLINT(clang-analyzer-deadcode.DeadStores): the library's idiom
    std::copy_n(fresh[n].begin(), 40, work.begin());  // Headers are all that is edited.
    auto parsed = IpPacket::parse(work);
    auto& packet = std::get<IpPacket>(parsed);
    ClientOnGateway* client = is_inbound ? world.table.find(packet.destination())
                                         : world.table.find(world.client->peer());
    const Admission admission = is_inbound ? client->admit_inbound(kStart, kOwn, packet)
                                           : client->admit_outbound(kStart, kOwn, packet);
    CONNLIB_CHECK(std::holds_alternative<Admitted>(admission));
    benchmark::DoNotOptimize(work.data());
    n = n + 1 == fresh.size() ? 0 : n + 1;
  }
  state.counters["allocations"] = benchmark::Counter(
      static_cast<double>(bench::allocations() - before), benchmark::Counter::kAvgIterations);
}

BENCHMARK_CAPTURE(judge, network_from_client, false, false);
BENCHMARK_CAPTURE(judge, network_from_tun, false, true);
BENCHMARK_CAPTURE(judge, name_from_client, true, false);
BENCHMARK_CAPTURE(judge, name_from_tun, true, true);

}  // namespace
}  // namespace connlib::gateway

BENCHMARK_MAIN();
